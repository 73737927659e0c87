#!/usr/bin/env bash
# Measures what docs/benchmarks.md claims and prints it as a Markdown table; what it is doing goes to stderr.
#
#   benches/run.sh                all parts, about 15 minutes
#   benches/run.sh PART...        some of: cpu slots memory start pod shuffle resume manifests aggregate follow
#
# Everything is compared within one run, round by round, and medians are taken. Servers are our own on 127.0.0.1 and
# are stopped at the end. `nice -n -15 benches/run.sh cpu` and `chrt -f 1 benches/run.sh slots` (as root) keep what else
# runs on the machine out of what is measured. Needs cargo, Linux, python3 with venv, GNU time, and about 4 GB below
# TMPDIR for `memory`, 8 GB of memory and 5 GB below TMPDIR for `aggregate`.
#
#   ROUNDS=5                      rounds of `cpu`, `slots`, `resume` and `manifests`
#   REQUESTS=30000                requests of a round of `cpu`, trials of `resume`
#   MOST_TRIALS=1000000           trials of the largest run of `memory`
#   THOUGHT=15000                bytes of a thought in the large results of `aggregate`, which are about 2 GB then
#   BUILD=no                      measure what was built before
#   CARGO_TARGET_DIR              where to build, by default as .ci/run does
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

THOUGHT=${THOUGHT:-15000} ROUNDS=${ROUNDS:-5} REQUESTS=${REQUESTS:-30000} MOST_TRIALS=${MOST_TRIALS:-1000000}
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/grace
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$CACHE/target}"
VENV=$CACHE/bench-venv
RELEASE=$CARGO_TARGET_DIR/release
CONNECTIONS=64

scratch=$(mktemp -d -t grace-bench.XXXXXX)
grace=$scratch/grace-cli
server=

say() { printf '%s\n' "$*" >&2; }

at_end() {
    local code=$?
    stop_server
    rm -rf "$scratch"
    ((code == 0)) || say "benches/run.sh: FAILED ($code)"
}
trap at_end EXIT

# row WHAT MEASURED REQUIRED
row() { printf '| %s | %s | %s |\n' "$1" "$2" "$3"; }

# Calculates with awk: calc FORMAT EXPRESSION.
calc() { awk "BEGIN { printf \"$1\", $2 }"; }

# The median of the numbers on stdin, as printed or the mean of two.
median() { sort -g | awk '{ v[NR] = $1 } END { m = int((NR + 1) / 2); print NR % 2 ? v[m] : (v[m] + v[m + 1]) / 2 }'; }

# note NAME VALUE: keeps a value; of NAME: the median of those kept.
note() { printf '%s\n' "$2" >>"$scratch/values.$1"; }
of() { median <"$scratch/values.$1"; }
spread() { sort -g "$scratch/values.$1" | sed -n '1p;$p' | paste -sd '-' | sed 's/-/ to /'; }

# Starts a simulated server with these options; sets $url.
start_server() { launch "$grace" serve-sim --port 0 --model tiny "$@"; }

# Starts the server with exact times: SLOTS MS; sets $url.
start_exact_server() { launch python3 benches/exact_server.py "$@"; }

launch() {
    stop_server
    rm -f "$scratch/server"
    "$@" >"$scratch/server" &
    server=$!
    for _ in {1..100}; do
        url=$(sed -n 's,^.* at \(http://.*\)/v1$,\1,p' "$scratch/server" 2>/dev/null || true)
        [[ -n $url ]] && return
        sleep 0.05
    done
    say 'the server did not start'
    return 1
}

stop_server() {
    [[ -n $server ]] || return 0
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
}

# stimuli ROWS: the demo's Study 2 repeated to that many rows; prints the file.
stimuli() {
    local file=$scratch/study2-$1.csv
    [[ -e $file ]] || awk -v rows="$1" '
        NR == 1 { print; next }
        { row[NR - 2] = $0 }
        END { for (i = 0; i < rows; i++) print row[i % (NR - 1)] }' crates/grace-cli/demo/study2.csv >"$file"
    printf '%s\n' "$file"
}

# run_grace ROWS OUT [OPTION...]: one whole run; sets $user_sys, $wall (seconds) and $rss (KiB).
# The canned answer is the same for all seeds, hence --seeds-optional.
run_grace() {
    local rows=$1 out=$2
    shift 2
    local input
    input=$(stimuli "$rows")
    /usr/bin/time -f '%U %S %e %M' -o "$scratch/time" "$grace" run --experiment study2_exp1 --input "$input" \
        --output "$out" --model-name tiny --base-url "$url/v1" --seed 1 --shuffle --seeds-optional \
        --max-connections $CONNECTIONS --timeout 20 "$@" >"$scratch/out" 2>"$scratch/err" || {
        cat "$scratch/out" "$scratch/err" >&2
        return 1
    }
    read -r user sys wall rss < <(tail -1 "$scratch/time")
    user_sys=$(calc %.2f "$user + $sys")
}

# loops COUNT: the loops in Rust; notes bare, generate and their rates.
loops() {
    "$RELEASE/examples/generate_speed" "$url" "$1" $CONNECTIONS "$scratch/bodies" >"$scratch/loops"
    while read -r name cpu _ _ _ _ _ rate _; do
        note "$name" "$cpu"
        note "$name.rate" "$rate"
    done <"$scratch/loops"
}

# python_loop NAME COUNT: a loop in Python; notes NAME and its rate.
python_loop() {
    local cpu rate
    read -r _ cpu _ _ _ _ _ rate _ < <("$VENV/bin/python" benches/http_peers.py "$1" "$url" "$2" $CONNECTIONS "$scratch/bodies")
    note "$1" "$cpu"
    note "$1.rate" "$rate"
}

# Notes the ratio of the last NAME to the last bare.
ratio() { note "$1.ratio" "$(calc %.4f "$(tail -1 "$scratch/values.$1") / $(tail -1 "$scratch/values.bare")")"; }

bodies() {
    [[ -e $scratch/bodies ]] && return
    run_grace "$REQUESTS" "$scratch/for-bodies"
    python3 benches/journal.py bodies "$scratch/for-bodies" >"$scratch/bodies"
    rm -rf "$scratch/for-bodies"
}

cpu() {
    local name required
    start_server --canned ' It was good.'
    bodies
    rm -f "$scratch"/values.*
    for ((round = 1; round <= ROUNDS; round++)); do
        say "cpu: round $round of $ROUNDS"
        loops "$REQUESTS"
        run_grace "$REQUESTS" "$scratch/run"
        note run "$(calc %.2f "$user_sys * 1e6 / $REQUESTS")"
        note run.rate "$(calc %.0f "$REQUESTS / $wall")"
        rm -rf "$scratch/run"
        python_loop aiohttp "$REQUESTS"
        python_loop httpx "$((REQUESTS / 10))"
        for name in bare generate run aiohttp httpx; do ratio $name; done
    done
    for name in bare generate run aiohttp httpx; do
        required=
        [[ $name == generate ]] && required='≤ 1.5 times'
        [[ $name == run ]] && required='≤ 4 times, ≤ 100 µs'
        row "CPU a request: $name" \
            "$(of $name) µs ($(spread $name)), $(calc %.2f "$(of $name.ratio)") times bare ($(spread $name.ratio)), $(of $name.rate) a second of wall time" \
            "$required"
    done
    row 'CPU a request: run, requests a second of one core' "$(calc %.0f "1e6 / $(of run)")" '≥ 10,000'
}

# The rates against the server that is running, as rows about SERVER.
slot_rates() {
    local server_name=$1 slots=64 latency=50 requests=6400 ideal=1280 name required lone
    rm -f "$scratch"/values.*
    for ((round = 1; round <= ROUNDS; round++)); do
        say "slots: $server_name, round $round of $ROUNDS"
        lone=$("$RELEASE/examples/generate_speed" "$url" 40 1 "$scratch/bodies" | awk 'NR == 1 { print 1e3 / $(NF - 3) }')
        note lone "$lone"
        loops $requests
        run_grace $requests "$scratch/run"
        note run.rate "$(python3 benches/journal.py rate "$scratch/run")"
        rm -rf "$scratch/run"
        python_loop aiohttp $requests
    done
    row "$slots slots, $latency ms, $server_name: a lone request of the bare loop" "$(calc %.2f "$(of lone)") ms" ''
    for name in bare generate run aiohttp; do
        required=
        [[ $name == run ]] && required='≥ 95 %'
        row "$slots slots, $latency ms, $server_name: $name" \
            "$(calc %.1f "$(of $name.rate) * 100 / $ideal") % of $ideal a second ($(spread $name.rate) a second), $(calc %.3f "$(of $name.rate) / $(of bare.rate)") times bare" \
            "$required"
    done
}

slots() {
    start_server --canned ' It was good.'
    bodies
    start_server --canned ' It was good.' --slots 64 --latency-ms 50
    slot_rates serve-sim
    start_exact_server 64 50
    slot_rates exact_server.py
}

memory() {
    local rows
    start_server --canned ' It was good.'
    for rows in $((MOST_TRIALS / 100)) $((MOST_TRIALS / 10)) "$MOST_TRIALS"; do
        say "memory: $rows trials ($(df -h --output=avail "$scratch" | tail -1 | tr -d ' ') free)"
        run_grace "$rows" "$scratch/run"
        row "memory: run of $rows trials" \
            "$(calc %.1f "$rss * 1024 / 1e6") MB at most, $wall s, $user_sys s of CPU, $(du -sm "$scratch/run" | cut -f1) MiB of results" \
            '< 200 MB'
        rm -rf "$scratch/run" "$scratch/study2-$rows.csv"
    done
}

start() {
    local config=$scratch/config repeats=20 name
    mkdir -p "$config/stimuli"
    printf 'models:\n  tiny:\n    huggingface_name: tiny\n' >"$config/models.yaml"
    cp crates/grace-cli/demo/study?.csv "$config/stimuli"
    local demo=crates/grace-cli/demo/study2.csv
    local run=("$grace" run --experiment study2_exp1 --input $demo --model-name tiny --seed 1 --shuffle --seeds-optional)
    local replicate=("$grace" replicate --model tiny --config "$config" --replication 0 --seeds-optional)
    rm -f "$scratch"/values.*
    say 'start: first request'
    python3 benches/first_request.py $repeats "$scratch/start-run" "${run[@]}" --base-url '{url}' --output '{out}' \
        >"$scratch/values.run"
    python3 benches/first_request.py $repeats "$scratch/start-replicate" "${replicate[@]}" --base-url '{url}' \
        --results '{out}' >"$scratch/values.replicate"
    say 'start: first trial'
    start_server --canned ' It was good.'
    for ((round = 1; round <= repeats; round++)); do
        local began=$EPOCHREALTIME
        "${run[@]}" --base-url "$url/v1" --output "$scratch/run" >/dev/null 2>&1
        note run-trial "$(python3 benches/journal.py first "$scratch/run" "$began")"
        rm -rf "$scratch/run"
    done
    row 'start to first request: `run` study2_exp1, 2,424 rows' "$(of run) ms ($(spread run))" '< 50 ms'
    row 'start to first request: `replicate`, 300 + 2,424 rows' "$(of replicate) ms ($(spread replicate))" '< 50 ms'
    row 'start to first trial sent, probe and seed check included: `run` study2_exp1' \
        "$(of run-trial) ms ($(spread run-trial))" ''
}

pod() {
    say 'pod: building'
    cargo build --quiet --release -p grace-cli --no-default-features
    row 'pod build (`--no-default-features`)' "$(stat -c %s "$RELEASE/grace-cli") bytes" '< 15,000,000'
    cargo build --quiet --release -p grace-cli
    row 'default build' "$(stat -c %s "$RELEASE/grace-cli") bytes" ''
}

shuffle() {
    say 'shuffle'
    local round
    rm -f "$scratch"/values.*
    for round in 1 2 3; do
        while read -r _ algorithm ms _; do note "grace.$algorithm" "$ms"; done < <("$RELEASE/examples/shuffle_speed")
        while read -r name ms _; do note "$name" "$ms"; done < <("$VENV/bin/python" benches/shuffle.py | tr -d '()' | sed 's/\.\(permutation\|sample\)[a-z0-9.=]* / /')
    done
    row 'order of 1,000,000 rows: pcg64' \
        "$(of grace.pcg64) ms; NumPy default_rng $(of default_rngseed) ms; $(calc %.2f "$(of grace.pcg64) / $(of default_rngseed)") times" '≤ 1'
    row 'order of 1,000,000 rows: pandas' \
        "$(of grace.pandas) ms; NumPy RandomState $(of RandomStateseed) ms, $(calc %.2f "$(of grace.pandas) / $(of RandomStateseed)") times; pandas sample $(of DataFrame) ms" '≤ 1'
}

# timed NAME COMMAND...: notes its milliseconds as NAME, those of CPU as NAME.cpu.
timed() {
    local name=$1 real user sys TIMEFORMAT='%3R %3U %3S'
    shift
    { time "$@" >"$scratch/out" 2>&1 || cat "$scratch/out" >&2; } 2>"$scratch/time"
    read -r real user sys < <(tail -1 "$scratch/time")
    note "$name" "$(calc %.0f "$real * 1000")"
    note "$name.cpu" "$(calc %.0f "($user + $sys) * 1000")"
}

# Whole processes: read, decide, render, type, check, write into a new folder.
manifests() {
    local count required made peer policy=$scratch/nrp.yaml
    "$VENV/bin/pip" install --quiet --disable-pip-version-check jinja2==3.1.6 pyyaml==6.0.3
    # A thousand models are more than NRP's 400 Jobs.
    "$grace" gen-manifests --show-policy nrp | sed '/most_jobs/d' >"$policy"
    for count in 7 1000; do
        say "manifests: $count models"
        rm -f "$scratch"/values.*
        cp config/models.yaml "$scratch/models.yaml"
        ((count == 7)) || "$VENV/bin/python" benches/manifests.py models "$count" >"$scratch/models.yaml"
        for ((round = 1; round <= ROUNDS; round++)); do
            # New folders each time: ext4 creates files slowly where others have just been deleted.
            made=$scratch/made-$count-$round peer=$scratch/peer-$count-$round
            timed grace "$grace" gen-manifests --replications 5 --parallelism 2 --config "$scratch/models.yaml" \
                --policy "$policy,restricted" --out "$made"
            timed peer "$VENV/bin/python" benches/manifests.py render "$scratch/models.yaml" "$made" "$peer"
            note ratio "$(calc %.4f "$(tail -1 "$scratch/values.peer") / $(tail -1 "$scratch/values.grace")")"
        done
        required='< 50 ms'
        ((count == 7)) || required='< 2000 ms'
        row "manifests of $count models ($(find "$made" -name '*.yaml' | wc -l) files, policies checked): \`gen-manifests\`" \
            "$(of grace) ms ($(spread grace)), $(of grace.cpu) ms of CPU" "$required"
        row "as many files with Jinja2 and PyYAML, nothing checked" \
            "$(of peer) ms ($(spread peer)), $(of peer.cpu) ms of CPU, $(calc %.1f "$(of ratio)") times as long" ''
    done
}

resume() {
    local out=$scratch/sealed
    start_server --canned ' It was good.'
    say "resume: sealing $REQUESTS trials"
    run_grace "$REQUESTS" "$out"
    local first=$wall first_cpu=$user_sys
    rm -f "$scratch"/values.*
    for ((round = 1; round <= ROUNDS; round++)); do
        run_grace "$REQUESTS" "$out"
        grep -q 'already complete' "$scratch/out"
        note again "$wall"
        note again.cpu "$user_sys"
        /usr/bin/time -f '%U %S %e %M' -o "$scratch/time" "$grace" verify "$out" >"$scratch/out" 2>&1 || cat "$scratch/out" >&2
        read -r user sys wall rss < <(tail -1 "$scratch/time")
        note verify "$wall"
        note verify.cpu "$(calc %.2f "$user + $sys")"
        note verify.rss "$rss"
    done
    row "$REQUESTS trials: \`run\`, sealed" "$first s ($first_cpu s of CPU)" ''
    row "$REQUESTS trials: \`run\` again on the sealed folder" "$(of again) s ($(of again.cpu) s of CPU)" ''
    row "$REQUESTS trials: \`verify\`" "$(of verify) s ($(of verify.cpu) s of CPU), $(calc %.1f "$(of verify.rss) * 1024 / 1e6") MB at most" ''
}

# measure NAME COMMAND...: notes wall time, CPU and memory of a command as NAME, NAME.cpu and NAME.rss.
measure() {
    local name=$1
    shift
    /usr/bin/time -f '%U %S %e %M' -o "$scratch/time" "$@" >"$scratch/out" 2>"$scratch/err" || {
        tail "$scratch/out" "$scratch/err" >&2
        return 1
    }
    read -r user sys wall rss < <(tail -1 "$scratch/time")
    note "$name" "$wall"
    note "$name.cpu" "$(calc %.2f "$user + $sys")"
    note "$name.rss" "$rss"
}

# tables WHAT RESULTS: `aggregate` and `icc` of these results beside those who only read them.
tables() {
    local what=$1 results=$2 name times memory required
    declare -A least=([pandas]=8 [polars]=4 [duckdb]=5)
    rm -f "$scratch"/values.*
    for ((round = 1; round <= ROUNDS; round++)); do
        say "aggregate: $what, round $round of $ROUNDS"
        measure grace "$grace" aggregate "$results" --out "$scratch/dataset" --strict
        measure icc "$grace" icc "$results" --output csv
        for name in pandas polars duckdb; do
            measure $name "$VENV/bin/python" benches/table_peers.py $name "$results"
        done
        rm -rf "$scratch/dataset"
    done
    for name in grace icc; do
        row "$what: \`${name/grace/aggregate}\`" \
            "$(of $name) s ($(spread $name)), $(of $name.cpu) s of CPU, $(calc %.0f "$(of $name.rss) * 1024 / 1e6") MB at most" ''
    done
    for name in pandas polars duckdb; do
        times=$(calc %.1f "$(of $name) / $(of grace)")
        memory=$(calc %.1f "$(of $name.rss) / $(of grace.rss)")
        required=
        [[ $what == large* ]] && required="≥ ${least[$name]} times the time"
        [[ $what == large* && $name == pandas ]] && required+=', ≥ 10 times the memory'
        row "$what: $name, reading only" \
            "$(of $name) s ($(spread $name)), $(of $name.cpu) s of CPU, $(calc %.0f "$(of $name.rss) * 1024 / 1e6") MB at most: $times times the time, $memory times the memory" \
            "$required"
    done
}

aggregate() {
    local results=$scratch/results
    "$VENV/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 duckdb==2.0.1
    python3 benches/make_results.py "$results"
    tables "7 models × 5 replications, $(du -sm "$results" | cut -f1) MB" "$results"
    rm -rf "$results"
    python3 benches/make_results.py "$results" --thought "$THOUGHT"
    tables "large, $(du -sm "$results" | cut -f1) MB" "$results"
    rm -rf "$results"
    python3 -c 'import random
random.seed(1)
print("condition,replication,value")
for condition in range(1000):
    for replication in range(5):
        for trial in range(50):
            print(f"c{condition},{replication},{random.gauss(0, 1):.6f}")' >"$scratch/icc.csv"
    rm -f "$scratch"/values.*
    for ((round = 1; round <= ROUNDS; round++)); do
        measure icc "$grace" icc --table "$scratch/icc.csv" --value value --replication replication --by condition --output csv
    done
    row '`icc --table`: 1,000 conditions × 5 × 50, file read and printed' "$(of icc) s ($(spread icc))" '< 0.1 s'
}

# follow: a Job of 1,000 pods that start together and end over 40 s, followed by `launch` and by `status --watch`.
follow() {
    local how config=$scratch/follow-config
    mkdir -p "$config/stimuli"
    cp crates/grace-cli/demo/study1.csv "$config/stimuli"
    # One experiment: seeds of several would meet, so far as their offsets go.
    echo 'experiments: [study1_exp1]' >"$config/plan.yaml"
    cat >"$config/models.yaml" <<'YAML'
models:
  small:
    huggingface_name: lab/small
    gpu: {count: 1, type: NVIDIA-L4}
    resources: {memory_request: 8Gi, memory_limit: 8Gi, cpu_request: 2, cpu_limit: 2}
cluster:
  namespace: lemn-lab
  image: registry.example.org/grace:1
  server_image: registry.example.org/vllm:v0.32.0
  pvcs: {results: {size: 10Gi}, cache: {size: 50Gi}}
  results_pvc: results
  model_cache_pvc: cache
  config: {config_map: study}
YAML
    local launch=(launch -n 1000 -p 1000 --no-prefetch --policy none)
    for how in launch status; do
        follow_by "$how" "$config"
    done
}

# follow_by HOW CONFIG: one of both, on a mock cluster of its own.
follow_by() {
    local kubeconfig requests user sys wall rss
    local followed=("${launch[@]}")
    coproc MOCK { exec "$RELEASE/examples/follow" "$scratch"; }
    read -r kubeconfig <&"${MOCK[0]}"
    export KUBECONFIG=$kubeconfig GRACE_CONFIG=$2
    if [[ $1 == status ]]; then
        "$grace" "${launch[@]}" --detach >/dev/null 2>&1
        followed=(status --watch)
    fi
    echo before >&"${MOCK[1]}"
    read -r before <&"${MOCK[0]}"
    /usr/bin/time -f '%U %S %e %M' -o "$scratch/time" "$grace" "${followed[@]}" >"$scratch/out" 2>"$scratch/err" || {
        tail "$scratch/out" "$scratch/err" >&2
        return 1
    }
    read -r user sys wall rss < <(tail -1 "$scratch/time")
    echo after >&"${MOCK[1]}"
    read -r requests <&"${MOCK[0]}"
    kill "$MOCK_PID"
    wait "$MOCK_PID" 2>/dev/null || true
    unset KUBECONFIG GRACE_CONFIG
    row "\`${followed[0]}\`: a Job of 1,000 pods, followed for $wall s" \
        "$(calc %.1f "100 * ($user + $sys) / $wall") % of a core ($user s user, $sys s system), $(calc %.1f "$rss * 1024 / 1e6") MB at most" \
        '< 5 %, < 100 MB'
    row "\`${followed[0]}\`: requests" "$requests${before:+ (before it: $before)}" 'one list and one watch a kind'
}

build() {
    if [[ ${BUILD:-yes} != no ]]; then
        say "building into $CARGO_TARGET_DIR"
        cargo build --quiet --release -p grace-client --example generate_speed
        cargo build --quiet --release -p grace-seed --example shuffle_speed
        cargo build --quiet --release -p grace-mock-cluster --example follow
        cargo build --quiet --release -p grace-cli
    fi
    # Others may build while this runs.
    cp "$RELEASE/grace-cli" "$grace"
    if [[ ! -x $VENV/bin/python ]]; then
        python3 -m venv "$VENV"
    fi
    "$VENV/bin/pip" install --quiet --disable-pip-version-check aiohttp httpx numpy==2.4.6 pandas==3.1.1
}

machine() {
    printf '%s: %s × %s, %s, load %s, %s\n\n' "$(date -u +%Y-%m-%d)" "$(nproc)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" "$(uname -sr)" "$(cut -d' ' -f1-3 /proc/loadavg)" \
        "$(rustc --version | cut -d' ' -f1-2), $("$VENV/bin/python" -c 'import sys, aiohttp, httpx, numpy, pandas
print("Python", sys.version.split()[0] + ", aiohttp", aiohttp.__version__ + ", httpx", httpx.__version__ + ", NumPy", numpy.__version__ + ", pandas", pandas.__version__)')"
}

parts=("$@")
((${#parts[@]})) || parts=(pod cpu slots memory start shuffle resume manifests aggregate follow)
for part in "${parts[@]}"; do
    [[ $part =~ ^(cpu|slots|memory|start|pod|shuffle|resume|manifests|aggregate|follow)$ ]] || {
        say "unknown part \`$part\`, expected cpu, slots, memory, start, pod, shuffle, resume, manifests, aggregate or follow"
        exit 2
    }
done
build
machine
printf '| what | median (range) | required |\n|---|---|---|\n'
for part in "${parts[@]}"; do
    row "**$part**" "load $(cut -d' ' -f1-3 /proc/loadavg)" ''
    "$part"
done
say "load at the end: $(cut -d' ' -f1-3 /proc/loadavg)"
