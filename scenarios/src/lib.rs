//! The catalogue of scenarios and the format they are written in.
