//! What the whole of password hashing promises, through its public surface.
