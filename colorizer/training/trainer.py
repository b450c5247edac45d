"""The training loop. It handles players, not approaches; accelerate handles processes, precision and wrappers."""

import sys
import time
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from colorizer.atomic_write import make_folder
from colorizer.data import PhotoBatches, age_lightness, augment, photo_seeds, saturate, simulate_hints
from colorizer.hub.loading import save_checkpoint
from colorizer.hub.upload import push
from colorizer.training import builders, reports
from colorizer.training.arguments import SCORES, TrainingArguments
from colorizer.training.distillation import mix_in
from colorizer.training.frozen_features import FrozenFeatures, repeats
from colorizer.training.interruption import StopRequest
from colorizer.training.log_means import Means, check_finite
from colorizer.training.lr_finder import find_learning_rates
from colorizer.training.photos import count_steps, describe_photos, numbered_batches, open_photos, statistics_photos
from colorizer.training.players import Players
from colorizer.training.run_folder import alone_in_folder, check_folder, clear_folder, set_results_aside
from colorizer.training.run_states import Progress, find_state, load_state, save_state
from colorizer.training.validation import Validation

LOG_EVERY = 10


class Trainer:
    """One run: `Trainer(arguments).train()` trains, validates, saves, and returns the checkpoint's folder.

    Raises:
        ColorizerError: the output folder holds another run, the settings don't fit, or the loss is no longer finite.
        DatasetError: the dataset can't be opened or has too few usable photos.
        CheckpointError: the checkpoint to start from or the state to resume from is invalid.
    """

    def __init__(self, arguments: TrainingArguments):
        self.arguments = arguments
        self.output_dir = Path(arguments.output_dir)
        # Checked before anything is decoded or built.
        check_folder(arguments)
        self.accelerator = builders.make_accelerator(arguments)
        make_folder(self.output_dir)
        builders.check_loss(arguments)
        stored, self.train_resolution, resolution = builders.photo_sizes(arguments)
        photos = open_photos(arguments, stored, resolution, self.accelerator)
        self.train_photos, self.validation_photos = photos
        self.say(describe_photos(*photos))
        if arguments.teacher:
            mix_in(arguments, self.train_photos, self.accelerator, self.say)
        # The first process downloads pretrained weights; the others load them from the cache.
        with self.accelerator.main_process_first():
            torch.manual_seed(arguments.seed)
            self.network = builders.make_network(arguments, self.train_photos.classes, self.say)
        # Read now, since a damaged record is better reported before the run than at its end.
        self.earlier_runs = reports.earlier_runs(arguments.pretrained_model_name_or_path, token=arguments.hub_token)
        if arguments.channels_last:
            self.network.to(memory_format=torch.channels_last)
        self.space = self.network.space
        self.batches = PhotoBatches(
            self.train_photos,
            arguments.train_batch_size,
            seed=arguments.seed,
            process_index=self.accelerator.process_index,
            num_processes=self.accelerator.num_processes,
            device=self.accelerator.device,
        )
        self.num_steps, self.validation_steps = count_steps(self.batches, arguments)
        self.objective = builders.make_objective(self.network, arguments)
        # A discriminator, for example, must start the same on every process and in every run with this seed.
        torch.manual_seed(arguments.seed + 1)
        players = self.objective.players(self.network, self.space, partial(statistics_photos, self.train_photos))
        self.ema = builders.make_ema(self.network, arguments.ema_decay).to(self.accelerator.device)
        self.players = Players(self.accelerator, players, arguments, self.num_steps)
        if not self.players.is_last_stage(self.num_steps - 1):
            self.say(f"The {self.num_steps} steps of this run end before its last stage begins.")
        num_photos_seen = self.num_steps * arguments.gradient_accumulation_steps * self.batches.global_batch_size
        cache_features = partial(FrozenFeatures, self.network, accelerator=self.accelerator, say=self.say)
        self.features = cache_features(
            self.train_photos, is_repeated=repeats(arguments, self.train_photos, num_photos_seen)
        )
        features = cache_features(self.validation_photos)
        self.validation = Validation(self.accelerator, self.validation_photos, arguments, self.objective, features)
        self.progress = Progress(Means(self.accelerator))
        saved = (self.progress, self.ema, *self.players.schedulers, *self.players.saved)
        self.accelerator.register_for_checkpointing(*saved)

    def say(self, message: str) -> None:
        """Print a message to stderr, from the main process only."""
        if self.accelerator.is_main_process:
            tqdm.write(message, file=sys.stderr)

    @property
    def identity(self) -> dict:
        """Settings that must match for a resumed run to equal an uninterrupted one."""
        return {
            **self.arguments.identity,
            "train_resolution": self.train_resolution,
            "stored_resolution": self.train_photos.resolution,
            "num_steps": self.num_steps,
            "num_processes": self.accelerator.num_processes,
            "num_photos": "streamed" if self.arguments.streaming else len(self.train_photos),
        }

    @alone_in_folder
    def train(self) -> Path:
        """Train to the last step or until stopped. The output folder holds the best checkpoint either way.

        With `find_lr`, sweep the learning rate first, and train only with `train_after_find_lr`.
        """
        self._resume()
        if self.arguments.find_lr:
            find_learning_rates(self, self._training_step)
        if not self.arguments.trains:
            return self.output_dir
        self.accelerator.init_trackers("colorizer")
        bar = tqdm(
            total=self.num_steps,
            initial=self.progress.step,
            desc=self.arguments.approach,
            unit="step",
            disable=not self.accelerator.is_local_main_process,
        )
        with bar, StopRequest(self.accelerator) as stop:
            # A resumed run may have no steps left.
            if self.progress.step < self.num_steps and not self._should_stop_early():
                self._loop(bar, stop)
        if stop.was_made:
            path = self._save_state()
            self.say(
                f"Stopped at step {self.progress.step}, saved in {path}. Resume with --resume_from_checkpoint latest."
            )
            raise KeyboardInterrupt
        if self.progress.step != self.last_validated:
            self._validate()
        self._save_state()
        if self.accelerator.is_main_process:
            reports.save_run(self)
            self._publish()
        for tracker in self.accelerator.trackers:
            tracker.finish()
        # Not `end_training`, which also destroys the process group: another run may follow.
        self.accelerator.wait_for_everyone()
        return self.output_dir

    def _publish(self) -> None:
        given = self.arguments
        if given.push_to_hub:
            url = push(self.output_dir, given.repo_id, private=given.hub_private_repo, token=given.hub_token)
            self.say(f"Published: {url}")

    def _resume(self) -> None:
        requested = self.arguments.resume_from_checkpoint
        state = find_state(self.output_dir, requested) if requested else None
        if self.arguments.trains and state is None and self.accelerator.is_main_process:
            clear_folder(self.output_dir)
        if requested and state is None:
            self.say(f"Nothing to resume from in {self.output_dir}: starting from step 0.")
        if state:
            is_extended = load_state(self.accelerator, state, self.identity)
            self.say(f"Resuming at step {self.progress.step} from {state}.")
            if is_extended:
                self.say(
                    f"The run had ended there. It is extended to {self.num_steps} steps, and its schedules with it."
                )
                self.players.follow_schedules()
                self._begin_stage()
        self.last_validated = self.progress.history[-1]["step"] if self.progress.history else 0
        for note in self.players.notes(self.progress.step):
            self.say(note)

    def _loop(self, bar: tqdm, stop: StopRequest) -> None:
        arguments, progress = self.arguments, self.progress
        accumulation = arguments.gradient_accumulation_steps
        started = since = time.perf_counter()
        seconds_before, counted = progress.seconds, 0
        for micro_step, epoch, batch in numbered_batches(self.batches, progress.step * accumulation):
            progress.means.add(self._training_step(micro_step, epoch, batch))
            counted += 1
            if (micro_step + 1) % accumulation:
                continue
            progress.step += 1
            progress.photos_seen += self.batches.global_batch_size * accumulation
            progress.seconds = seconds_before + time.perf_counter() - started
            bar.update()
            is_last = progress.step >= self.num_steps
            is_checkpoint = bool(arguments.checkpointing_steps) and progress.step % arguments.checkpointing_steps == 0
            if progress.step % LOG_EVERY == 0 or is_checkpoint or is_last:
                means = progress.means.take(progress.step)
                speed = counted * self.batches.global_batch_size / (time.perf_counter() - since)
                self._log(bar, means, speed)
                counted = 0
            if progress.step % self.validation_steps == 0 and not is_last:
                self._validate()
                is_last = self._should_stop_early()
            if not is_last:
                self._begin_stage()
            if is_checkpoint and not is_last:
                self._save_state()
            if counted == 0:
                since = time.perf_counter()
            if is_last or stop.is_made():
                return

    def _training_step(self, micro_step: int, epoch: int, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        # Dropout and other randomness depend on the step alone, so that a resumed run repeats them exactly.
        torch.manual_seed(photo_seeds(self.arguments.seed, micro_step, [self.accelerator.process_index])[0])
        seeds = photo_seeds(self.arguments.seed, epoch, batch["index"])
        rgb = augment(batch["rgb"], size=self.train_resolution, seeds=seeds, **self.arguments.augmentation)
        if self.arguments.target_saturation != 1:
            rgb = saturate(rgb, self.arguments.target_saturation)
        hints = simulate_hints(rgb, seeds, share=self.arguments.hint_share) if self.network.takes_hints else None
        lightness, target = self.space.split(rgb)
        if self.arguments.age:
            lightness = age_lightness(rgb, seeds, share=self.arguments.age)
        step = self.progress.step
        modules = self.players.active_modules(step)
        for module in modules:
            module.train()
        with self.accelerator.accumulate(*modules):
            features = self.features.of(batch["index"])
            output = self.players.network(lightness, hints=hints, features=features, decode=False)
            logs = self.players.update(step, self.network.step_inputs(output, lightness, target, batch["label"]))
            if self.accelerator.sync_gradients:
                self.players.step_schedules(step)
                self.ema.update_parameters(self.accelerator.unwrap_model(self.players.network))
        return logs

    def _log(self, bar: tqdm, means: dict[str, float], speed: float) -> None:
        record = {"step": self.progress.step, **means, "photos_per_second": speed}
        record["learning_rate"] = self.players.learning_rate(self.progress.step - 1)
        self.progress.history.append(record)
        self.accelerator.log({name: value for name, value in record.items() if name != "step"}, step=self.progress.step)
        bar.set_postfix_str(
            ", ".join(f"{name} {value:.3g}" for name, value in means.items()) + f", {speed:.0f} photos/s"
        )

    def _validate(self) -> None:
        progress = self.progress
        self.players.average_statistics(self.ema)
        network = self.ema.module if self.arguments.ema_decay else self.accelerator.unwrap_model(self.players.network)
        was_training = network.training
        record = check_finite(self.validation.run(network.eval()), progress.step)
        network.train(was_training)
        loss = record["validation_loss"]
        progress.history.append({"step": progress.step, **record})
        self.last_validated = progress.step
        self.accelerator.log(record, step=progress.step)
        self.players.step_plateaus(progress.step - 1, loss)
        score = SCORES[self.arguments.metric_for_best_model](record, progress.step)
        is_best = score < progress.best_score
        is_progress = loss < progress.best_loss - self.arguments.early_stopping_min_delta
        progress.validations_since_best = 0 if is_progress else progress.validations_since_best + 1
        progress.best_loss = min(loss, progress.best_loss)
        if is_best:
            progress.best_score, progress.best_step = score, progress.step
        if self.accelerator.is_main_process:
            if is_best:
                set_results_aside(self.output_dir)
                save_checkpoint(network, self.output_dir)
            sheet = reports.save_samples(self.validation.samples(network.eval()), self.output_dir, progress.step)
            network.train(was_training)
            for tracker in self.accelerator.trackers:
                if hasattr(tracker, "log_images"):
                    tracker.log_images({"samples": sheet[None]}, step=progress.step, dataformats="NHWC")
            reports.save_history(progress.history, self.output_dir)
        self.say(
            f"step {progress.step}: "
            + ", ".join(f"{name} {value:.4g}" for name, value in record.items())
            + (" (best)" if is_best else "")
        )
        self.accelerator.wait_for_everyone()

    def _begin_stage(self) -> None:
        progress = self.progress
        if not (beginning := self.players.beginning(progress.step)):
            return
        # Scores of two stages can't be compared: training on L1 alone always reaches a lower L1 than a GAN.
        progress.best_loss = progress.best_score = float("inf")
        progress.validations_since_best = 0
        for note in filter(None, (player.note for player in beginning)):
            self.say(note)

    def _should_stop_early(self) -> bool:
        patience = self.arguments.early_stopping_patience
        is_stuck = bool(patience) and self.progress.validations_since_best >= patience
        if is_stuck := is_stuck and self.players.is_last_stage(self.progress.step - 1):
            self.say(f"No progress in {patience} validations: stopping at step {self.progress.step}.")
        return is_stuck

    def _save_state(self) -> Path:
        self.players.average_statistics(self.ema)
        limit = self.arguments.checkpoints_total_limit
        return save_state(self.accelerator, self.output_dir, self.progress.step, self.identity, limit=limit)
