# One rule executes a chapter through papermill, one renders the site. What a chapter is made from is worked out by
# bookchain/plan.py: its code cells, parameters, data and modules are `params`, so a changed prose re-executes nothing.
# `make plan` says in a line what has changed.
import os
import re
import sys
from pathlib import Path

from bookchain.dependencies import prose_fingerprint
from bookchain.editions import launch, lite
from bookchain.execute import begin, end
from bookchain.plan import HANDED_ON, Plan
from bookchain.seeds import COLLECTED

plan = Plan(Path(workflow.basedir), config, os.environ)
RUN = plan.run
if workflow.is_main_process and (copied := plan.disown()):
    print(f"{RUN}: made elsewhere from something else, to be executed again: {', '.join(copied)}", file=sys.stderr)


# Jobs on Kubernetes have an environment of their own; elsewhere they have this one.
envvars:
    *(name for name in HANDED_ON if name in os.environ),


onstart:
    plan.claim()
    begin(Path(RUN))


onsuccess:
    end(Path(RUN))


onerror:
    end(Path(RUN))


localrules: site, seeds  # they take a minute, and their pages are read where they are started


rule site:
    input:
        expand(RUN + "/executed/{chapter}.{kind}", chapter=plan.chapters, kind=["ipynb", "json"]),
        expand(RUN + "/{chapter}", chapter=plan.chapters),
        [RUN + "/seeds"] if plan.seeds > 1 else [],
    output:
        local(RUN + "/site/_build/html/index.html"),
    params:
        prose=prose_fingerprint(Path(workflow.basedir)),
        seeds=plan.seeds,
        repository=launch.address(os.environ, Path(workflow.basedir)) or "",
        banner=plan.banner(),
        origins=[f"{task}={origin}" for task, origin in plan.origins().items()],
        # Only whether it is there: the place of the environment is no part of what a page is made from.
        lite=["--lite"] if lite.packages() else [],
    message:
        "rendering the book"
    log:
        RUN + "/logs/site.log",
    shell:
        "TF_CPP_MIN_LOG_LEVEL=3 python -m bookchain.site {RUN:q} --banner {params.banner:q} --origins {params.origins} --seeds {params.seeds} {params.lite} > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


# What the chapters found with each seed, beside one another.
rule seeds:
    input:
        expand("{run}/{chapter}", run=plan.runs, chapter=COLLECTED),
        ["bookchain/collect.py"],
        [f"cxrlib/evaluation/{name}.py" for name in ("arms", "clusters", "repeated", "replication", "roc", "scores")],
    output:
        directory(RUN + "/seeds"),
    params:
        seeds=plan.seeds,
        threshold=lambda wildcards: plan.values("07-evaluation")["threshold"],
    message:
        "collecting {params.seeds} seeds"
    shell:
        "python -m bookchain.collect {RUN:q} --seeds {params.seeds} --threshold {params.threshold}"


# Its run folder is that of the book, or of another seed within it.
rule chapter:
    input:
        lambda wildcards: plan.upstream(wildcards.chapter, wildcards.run),
    output:
        folder=directory("{run}/{chapter}"),
        notebook="{run}/executed/{chapter}.ipynb",
        made_from="{run}/executed/{chapter}.json",
    params:
        made_from=lambda wildcards: plan.made_from(wildcards.chapter, wildcards.run),
    wildcard_constraints:
        run=re.escape(RUN) + r"(?:/seed-\d+)?",
        chapter=r"\d\d-[a-z-]+",
    message:
        "chapter {wildcards.chapter} ({wildcards.run})"
    log:
        "{run}/logs/{chapter}.log",
    benchmark:
        "{run}/benchmarks/{chapter}.tsv"
    threads:
        # On one machine training takes all cores, and chapters that do not train run beside one another.
        lambda wildcards: plan.threads(wildcards.chapter) if plan.profile else workflow.cores if plan.declared(wildcards.chapter).trains else 1
    resources:
        # For a cluster. A job that is ended for want of memory or time gets twice as much when it is tried again.
        mem_mb=lambda wildcards, attempt: 1024 * plan.declared(wildcards.chapter).memory_gb * 2 ** (attempt - 1),
        runtime=lambda wildcards, attempt: plan.declared(wildcards.chapter).minutes * 2 ** (attempt - 1),
        gpu=lambda wildcards: plan.gpus(wildcards.chapter),
    shell:
        # Where no disk is shared, outputs are written to a place of Snakemake's first, in folders of the same names.
        'python -m bookchain.execute "$(dirname {output.folder:q})" {wildcards.chapter} {params.made_from:q}'
