"""What the tests share and pytest need not find by itself."""
