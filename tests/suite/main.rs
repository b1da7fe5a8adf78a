//! The suite: what holds for the project as a whole.

mod architecture;
