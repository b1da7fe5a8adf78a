//! The editor: only the state changes, whatever the file looks like.
