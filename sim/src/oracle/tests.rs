//! Correct runs that no oracle objects to, and for each oracle planted bugs that it names.

mod health;
mod lease;
mod protocol;
mod structure;
mod timed;
mod unicast;
