"""Evidence: what a pack of it holds, what it proves, and which controls that serves; pure."""
