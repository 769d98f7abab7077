"""Tables, figures and progress on the terminal."""
