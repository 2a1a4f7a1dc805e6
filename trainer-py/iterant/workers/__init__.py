"""Helper processes of the worlds: started by a world, spoken to over stdin and stdout, one call at a time."""
