//! Locum on Linux: sockets, netlink, timers, scripts.
