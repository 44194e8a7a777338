"""What the sandbox does with each operation."""
