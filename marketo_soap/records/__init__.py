"""Types that operations share."""
