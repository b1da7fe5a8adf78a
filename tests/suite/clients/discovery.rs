//! What clients ask before and beside Graph.
