.PHONY: style quality test tables speed pictures checkpoints protocol full

# The package has these and default. They are arms of recipes/protocol.yaml; default has a recipe of its own.
NINE = dense residual_encoder colorful fusion cnn pix2pix_rgb pix2pix resnet_unet joint
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

# Train the package's checkpoints again, add them to it, evaluate them, and regenerate cards and tables.
checkpoints:
	accelerate launch train_accelerate.py --config recipes/default.yaml --dataset_name $(DATA) --cpu
	python -m colorizer.release.protocol $(NINE)
	python -m colorizer.release.add_checkpoint runs/default $(addprefix runs/protocol/,$(NINE))
	python -m colorizer evaluate --model default $(NINE) --dataset $(DATA) --split test --by label --aged --sizes -o results
	cp results/evaluation.json colorizer/checkpoints/
	cp results/table.md model_cards/comparison.md
	$(MAKE) pictures
	python -m colorizer.release.package_cards model_cards
	python -m colorizer.release.readme_tables README.md

# Train the arms of recipes/protocol.yaml that have no result yet, measure them, and write model_cards/protocol.md.
protocol:
	python -m colorizer.release.protocol
	python -m colorizer.release.protocol_results $(DATA)

# Train the nine by their published recipes, at full width, on a GPU, and publish them: make full HUB=user. They are too large
# for the package.
full:
	for name in $(NINE); do \
		accelerate launch train_accelerate.py --config recipes/full.yaml --approach $$name --dataset_name $(DATA) \
			--output_dir runs/full/$$name --push_to_hub --hub_model_id $(HUB)/colorizer-$$name || exit 1; \
	done
