//! Ways to search: along one axis at a time, and by the owl pattern.

pub mod axis;
pub mod owl;
