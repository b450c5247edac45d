.PHONY: style quality test tables speed pictures checkpoints protocol full

# In this order, since default is the teacher of others, and colorful starts from colorful-unbalanced.
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
	python -m tests

tables:
	python -m colorizer.release.readme_tables README.md

# On an idle machine.
speed:
	python -m benchmarks --json benchmarks/speed.json --readme README.md

# Pictures of the README and the cards.
pictures:
	python -m colorizer.release.readme_pictures --opening
	python -m colorizer.release.readme_pictures $(DATA)/photos --samples
	python -m colorizer.release.readme_pictures $(DATA)/photos -o model_cards/pictures/twelve.jpg
	python -m colorizer.release.app_pictures model_cards/pictures
	python -m colorizer compare $(addprefix $(DATA)/photos/,$(SHOWN)) -o model_cards/pictures/results.jpg

# Train all again by their CPU recipes, add them to the package, evaluate them, and regenerate cards and tables.
checkpoints:
	for name in $(CHECKPOINTS); do \
		accelerate launch train_accelerate.py --config recipes/$$name.yaml --dataset_name $(DATA) --cpu || exit 1; \
		python -m colorizer.release.add_checkpoint runs/$$name || exit 1; \
	done
	python -m colorizer evaluate --model $(CHECKPOINTS) --dataset $(DATA) --split test --by label --aged --sizes -o results
	cp results/evaluation.json colorizer/checkpoints/
	cp results/table.md model_cards/comparison.md
	$(MAKE) pictures
	python -m colorizer.release.package_cards model_cards
	python -m colorizer.release.readme_tables README.md

# Train the arms of recipes/protocol.yaml that have no result yet, measure them, and write model_cards/protocol.md.
protocol:
	python -m colorizer.release.protocol
	python -m colorizer.release.protocol_results $(DATA)

# Train all at full width by their GPU recipes and publish them: make full HUB=user. They are too large for the package.
full:
	for name in $(CHECKPOINTS); do \
		accelerate launch train_accelerate.py --config recipes/$$name.yaml --dataset_name $(DATA) --output_dir runs/full/$$name \
			--push_to_hub --hub_model_id $(HUB)/colorizer-$$name || exit 1; \
	done
