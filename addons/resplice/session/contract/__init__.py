"""What an API promises about its events, beyond their form: kept, or brought to what clients build on."""
