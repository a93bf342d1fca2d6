"""Computations that Paddle does not have, each with a reference path that runs anywhere."""
