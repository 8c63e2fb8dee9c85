"""What each command does: settings in, results or paths out; nothing here prints."""
