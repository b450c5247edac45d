.PHONY: style quality test tables checkpoints

# In this order: some start from others.
RUNS = dense colorful-unbalanced-64 colorful-unbalanced colorful pix2pix default-128 default
CHECKPOINTS = default dense colorful-unbalanced colorful pix2pix
DATA = ../shared/data

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

# Train all again by their recipes, take them into the package, measure them, and write cards and tables anew.
checkpoints:
	for run in $(RUNS); do accelerate launch train_accelerate.py --config recipes/$$run.yaml --dataset_name $(DATA) || exit 1; done
	python -m colorizer.packaging $(addprefix runs/,$(CHECKPOINTS))
	python -m colorizer evaluate --model $(CHECKPOINTS) --dataset $(DATA) --split test -o results
	cp results/evaluation.json colorizer/checkpoints/
	python -m colorizer.cards model_cards
	python -m colorizer.overview README.md
