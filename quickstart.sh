#!/bin/sh
# One recipe in; a labelled dataset, a classifier and a report out:  sh quickstart.sh
#
# Makes its own environment (VENV, default .venv), installs facsim there, and runs recipes/quickstart.toml into
# runs/quickstart (OUT). The network is used for the installation alone. Run it again after an interruption: it goes on.
set -eu
cd "$(dirname "$0")"
. scripts/environment.sh

OUT="${OUT:-runs/quickstart}"
prepare_environment . quickstart

say "running recipes/quickstart.toml into $OUT: 2,100 faces, a dataset, a classifier, a report"
"$VENV/bin/facsim" run recipes/quickstart.toml --out "$OUT"

say "done. Look at:"
printf '%s\n' \
    "   $OUT/report.html     what was made, on one page" \
    "   $OUT/dataset         the pictures by class, with metadata.parquet" \
    "   $OUT/model           the classifier, with its card" \
    "Test it on faces of your own, in folders named after expressions:" \
    "   $VENV/bin/facsim evaluate $OUT/model --on FOLDER"
