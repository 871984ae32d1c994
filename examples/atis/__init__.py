"""ATİS, a small Django application; what starts and stops it; and the evening on which litelift moves it."""
