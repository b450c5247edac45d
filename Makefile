.PHONY: style quality test tables

style:
	ruff check --fix .
	ruff format .

quality:
	ruff check .
	ruff format --check .

test:
	python -m pytest

tables:
	python -m colorizer.overview README.md
