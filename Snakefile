# One rule executes a chapter through papermill, one renders the site. What a chapter is made from is worked out by
# bookchain/plan.py: its code cells, parameters, data and modules are `params`, so a changed prose re-executes nothing.
# `make plan` says in a line what has changed.
import os
import sys
from pathlib import Path

from bookchain.editions import launch
from bookchain.execute import begin, end
from bookchain.plan import Plan

plan = Plan(Path(workflow.basedir), config, os.environ)
RUN = plan.run
if workflow.is_main_process and (copied := plan.disown()):
    print(f"{RUN}: made elsewhere from something else, to be executed again: {', '.join(copied)}", file=sys.stderr)


onstart:
    plan.claim()
    begin(Path(RUN))


onsuccess:
    end(Path(RUN))


onerror:
    end(Path(RUN))


rule site:
    input:
        expand(RUN + "/executed/{chapter}.{kind}", chapter=plan.chapters, kind=["ipynb", "json"]),
        expand(RUN + "/{chapter}", chapter=plan.chapters),
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
        "TF_CPP_MIN_LOG_LEVEL=3 python -m bookchain.site {RUN:q} --banner {params.banner:q} --origins {params.origins} > {log:q} 2>&1 || {{ cat {log:q} >&2; exit 1; }}"


rule chapter:
    input:
        lambda wildcards: [f"{RUN}/{name}" for name in plan.declared(wildcards.chapter).needs],
    output:
        folder=directory(RUN + "/{chapter}"),
        notebook=RUN + "/executed/{chapter}.ipynb",
        made_from=RUN + "/executed/{chapter}.json",
    params:
        made_from=lambda wildcards: plan.made_from(wildcards.chapter),
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
        lambda wildcards: workflow.cores if plan.declared(wildcards.chapter).trains else 1
    resources:
        mem_mb=lambda wildcards: 1024 * plan.declared(wildcards.chapter).memory_gb,
        runtime=lambda wildcards: plan.declared(wildcards.chapter).minutes,
    shell:
        "python -m bookchain.execute {RUN:q} {wildcards.chapter} {params.made_from:q}"
