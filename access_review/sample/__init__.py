"""What people look at: the draw, its size, its proof that nobody steered it, and who is due."""
