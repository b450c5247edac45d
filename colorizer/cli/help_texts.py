"""The words of the command line's help: examples, and notes on each command."""

# Lines of at most 79 letters, which a terminal shows unbroken.
EXAMPLES = """\
examples:
  python -m colorizer colorize old.jpg -o colored --model colorful
  python -m colorizer colorize album/ "scans/*.tif" -o colored --model colorful
  python -m colorizer video film.mp4 -o colored.mp4
  python -m colorizer compare old.jpg -o sheet.png
  python -m colorizer evaluate --model colorful --dataset photos/ -o results
  python -m colorizer report results
  python -m colorizer push runs/colorful user/colorful
  python -m colorizer list

A MODEL is a checkpoint that comes with the package (see `list`), the folder of
a training run, or a Hub id (user/name).

exit codes:
  0    all is done
  1    some photos could not be read or saved; the others are done
  2    wrong usage, or something else that a message tells
  130  interrupted by Ctrl-C; what was finished is saved
"""
COLORIZE_NOTES = """\
PHOTO is a photo, a folder (with its subfolders), a pattern such as
"scans/*.tif", or an http(s) address. Results have the photo's own size and
lightness. PHOTO.jpg becomes FOLDER/PHOTO.png, or FOLDER/PHOTO-MODEL.png where
several models are given; several answers have a number behind, PHOTO-1,
PHOTO-2, … Photos of a folder's subfolders come into subfolders of the same
name. Results that are there already are left alone, so that the same command
goes on where it was interrupted. Under `accelerate launch` or `torchrun` the
photos are shared out over the processes.

examples:
  python -m colorizer colorize old.jpg -o colored
  python -m colorizer colorize album/ -o colored --model colorful pix2pix
  python -m colorizer colorize album/ -o colored --model colorful \\
      --saturation 1.2 --temperature 0.38 --format jpg --overwrite
  python -m colorizer colorize old.jpg -o colored --model colorful \\
      --num_images 4 --seed 1
  python -m colorizer colorize old.jpg -o colored --model runs/hinted \\
      --hint "120,45,#3366cc" --hint "10,200,#338833"
  python -m colorizer colorize "scans/*.tif" -o colored --model runs/mine
  accelerate launch -m colorizer colorize album/ -o colored
  torchrun --nproc_per_node 2 -m colorizer colorize album/ -o colored
"""
VIDEO_NOTES = """\
CLIP is a video file: MP4, MOV, MKV, WebM, AVI, MPEG or GIF. FILE ends in .mp4,
.m4v, .mov, .mkv (H.264) or .webm (VP9). It has the clip's own lightness, times
and sound; a clip that is to be turned comes out upright. Each place's color is
averaged over --smoothing seconds of a scene, and follows what moves.

What is finished lies in a hidden folder beside FILE until it is whole, so that
the same command goes on where it was interrupted.

examples:
  python -m colorizer video film.mp4 -o colored.mp4
  python -m colorizer video film.avi -o colored.webm --model runs/mine \\
      --saturation 1.2 --smoothing 1
"""
COMPARE_NOTES = """\
A row a photo: gray, each model's result with its time, and the photo itself if
it came in color; then PSNR, SSIM, ΔE2000 and colorfulness stand under each
picture, measured at 512 pixels at most.

examples:
  python -m colorizer compare old.jpg new.jpg -o sheet.png
  python -m colorizer compare album/ -o sheet.png --model colorful runs/mine
"""
EVALUATE_NOTES = """\
DATA is a folder of photos, parquet files, a folder written by `datasets`, or a
Hub dataset (user/name). Writes table.md, table.csv, evaluation.json, sheet.png
and sheet-matched.png. Beside the models stand what they have to beat: "gray",
"mean color" and "mean by lightness", both means of the training split. Each
model is there twice: as it is, and with its chroma scaled by the gain at which
the validation split is as colorful as in truth. What a dataset has no split
for is taken from the evaluated photos. Under `accelerate launch` or `torchrun`
the photos are shared out over the processes.

examples:
  python -m colorizer evaluate --model colorful pix2pix --dataset photos/ \\
      --split train -o results
  python -m colorizer evaluate --model runs/mine --dataset user/photos \\
      --split validation --max_photos 500 -o results
  python -m colorizer evaluate --model colorful pix2pix --dataset user/photos \\
      --by label --aged --sizes -o results
  accelerate launch -m colorizer evaluate --model colorful \\
      --dataset test.parquet -o results
  torchrun --nproc_per_node 2 -m colorizer evaluate --model colorful \\
      --dataset test.parquet -o results
"""
REPORT_NOTES = """\
Writes one page of HTML, with everything it shows inside it, of what `evaluate`
wrote into RESULTS: tables, accuracy over colorfulness, metrics with intervals,
and the same photos by every model.

examples:
  python -m colorizer report results
  python -m colorizer report results -o comparison.html
"""
PUSH_NOTES = """\
Uploads the checkpoint of FOLDER with its card and pictures to the Hub in one
commit, after checking that it loads. Log in first with `hf auth login`, or
give a token.

examples:
  python -m colorizer push runs/colorful user/colorful
  python -m colorizer push runs/colorful user/colorful --private
"""
