.PHONY: style quality test tables pictures checkpoints

# In this order: some start from others, and the last ones have default as a teacher.
RUNS = dense colorful-unbalanced-64 colorful-unbalanced colorful pix2pix-first pix2pix pix2pix_rgb-first pix2pix_rgb \
	default-128 default-192 default-late default-unhinted default-hinted default \
	resnet_unet-first resnet_unet-second resnet_unet-third resnet_unet residual_encoder-first residual_encoder \
	cnn-first cnn fusion-first fusion-second fusion-third fusion joint-first joint
CHECKPOINTS = default dense residual_encoder colorful-unbalanced colorful fusion cnn pix2pix_rgb pix2pix resnet_unet joint
DATA = ../shared/data
SHOWN = bw-buffalo-bank-1908.jpg bw-migrant-mother-1936.jpg

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

# The README's, of results.
pictures:
	python -m colorizer.pictures $(DATA)/photos -o model_cards/pictures/twelve.jpg
	python -m colorizer compare $(addprefix $(DATA)/photos/,$(SHOWN)) -o model_cards/pictures/results.jpg

# Train all again by their recipes, take them into the package, measure them, and write cards and tables anew.
checkpoints:
	for run in $(RUNS); do \
		accelerate launch train_accelerate.py --config recipes/$$run.yaml --dataset_name $(DATA) || exit 1; \
		if [ $$run = default ]; then python -m colorizer.packaging runs/default || exit 1; fi; \
	done
	python -m colorizer.packaging $(addprefix runs/,$(CHECKPOINTS))
	python -m colorizer evaluate --model $(CHECKPOINTS) --dataset $(DATA) --split test --by label --aged --sizes -o results
	cp results/evaluation.json colorizer/checkpoints/
	cp results/table.md model_cards/comparison.md
	python -m colorizer.cards model_cards
	python -m colorizer.overview README.md
