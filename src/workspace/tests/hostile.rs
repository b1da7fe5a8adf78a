//! Files made to do harm.
