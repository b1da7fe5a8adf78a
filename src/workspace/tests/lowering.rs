//! Files that are right, and what becomes of them.
