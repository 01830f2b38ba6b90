# One rule executes a chapter through papermill, one renders the site. What a chapter depends on is worked out by
# bookchain/plan.py: its code cells, parameters, data and modules are `params`, so a changed prose re-executes nothing,
# and `snakemake -n` tells what changed.
import os
from pathlib import Path

from bookchain.editions import launch
from bookchain.plan import Plan

plan = Plan(Path(workflow.basedir), config, os.environ)
RUN = plan.run


rule site:
    input:
        expand(RUN + "/executed/{chapter}.ipynb", chapter=plan.chapters),
    output:
        RUN + "/site/_build/html/index.html",
    params:
        prose=plan.prose(),
        repository=launch.address(os.environ, Path(workflow.basedir)) or "",
        banner=plan.banner(),
        origins=[f"{task}={origin}" for task, origin in plan.origins().items()],
    message:
        "rendering the book"
    log:
        RUN + "/logs/site.log",
    shell:
        "TF_CPP_MIN_LOG_LEVEL=3 python -m bookchain.site {RUN} --banner {params.banner:q} --origins {params.origins} > {log} 2>&1 || {{ cat {log} >&2; exit 1; }}"


rule chapter:
    input:
        lambda wildcards: [f"{RUN}/{name}" for name in plan.upstream(wildcards.chapter)],
    output:
        folder=directory(RUN + "/{chapter}"),
        notebook=RUN + "/executed/{chapter}.ipynb",
    params:
        code=lambda wildcards: plan.code(wildcards.chapter),
        modules=lambda wildcards: plan.modules(wildcards.chapter),
        data=lambda wildcards: plan.data(wildcards.chapter),
        parameters=lambda wildcards: plan.parameters_yaml(wildcards.chapter),
    wildcard_constraints:
        chapter=r"\d\d-[a-z-]+",
    message:
        "chapter {wildcards.chapter} ({RUN})"
    log:
        RUN + "/logs/{chapter}.log",
    benchmark:
        RUN + "/benchmarks/{chapter}.tsv"
    threads:
        # Training takes all cores; chapters that do not train run beside one another.
        lambda wildcards: workflow.cores if plan.trains(wildcards.chapter) else 1
    shell:
        # The log is followed on the terminal: it holds the progress of training. What TensorFlow says at its start
        # goes to a file of its own, and comes out only with the cell and traceback of a chapter that fails.
        # TensorFlow's choice of thread-safe but varying sums is switched off, so that equal runs give equal bytes.
        """
        : > {log}
        tail -f {log} >&2 & follow=$!
        trap 'sleep 1; kill $follow 2> /dev/null' EXIT
        work={RUN}/logs/{wildcards.chapter}
        jupytext --quiet --to ipynb --output $work.input.ipynb notebooks/{wildcards.chapter}.md
        CXRLIB_PROGRESS=$PWD/{log} TF_CPP_MIN_LOG_LEVEL=3 TF_DETERMINISTIC_OPS=1 PYTHONHASHSEED=0 \
            papermill $work.input.ipynb $work.ipynb --kernel python3 --no-progress-bar --log-level ERROR \
            --parameters_yaml {params.parameters:q} 2> $work.stderr || {{ cat $work.stderr >&2; exit 1; }}
        mv $work.ipynb {output.notebook}
        rm $work.input.ipynb
        """
