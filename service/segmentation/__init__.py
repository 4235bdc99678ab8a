"""Where the blade is: network, hole filling, random forest, hole filling again."""
