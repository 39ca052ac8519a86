"""The book's argument: what is drawn, judged and said, built on infomax_lib."""
