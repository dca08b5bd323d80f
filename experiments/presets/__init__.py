"""The presets that this project trains: their declaration and how they are built."""
