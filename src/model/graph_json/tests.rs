//! Properties in and out.
