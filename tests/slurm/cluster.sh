#!/usr/bin/env bash
# A Slurm of one node on loopback, for the tests: `cluster.sh start FOLDER` and `cluster.sh stop FOLDER`.
# All that it writes is in FOLDER, but for a link at Slurm's usual place, since job steps forget SLURM_CONF.
# Where another Slurm is set up, it starts none. Root starts it: slurmd starts jobs as whoever submits them.
set -euo pipefail
what=$1 folder=$2
usual=/etc/slurm/slurm.conf

start() {
    if [ -e $usual ] && [ ! -L $usual ]; then
        echo "$usual: another Slurm is set up here; the test needs a machine without one" >&2
        return 1
    fi
    command -v slurmctld munged > /dev/null || {
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge > /dev/null
    }
    mkdir -p "$folder"/{state,spool,munge}
    # A key and a socket of its own, too.
    dd if=/dev/urandom of="$folder/munge/key" bs=1 count=256 status=none
    chown -R munge: "$folder/munge"
    chmod 400 "$folder/munge/key"
    chmod 755 "$folder/munge"
    setpriv --reuid=munge --regid=munge --clear-groups munged --force --socket="$folder/munge/socket" \
        --key-file="$folder/munge/key" --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" \
        --seed-file="$folder/munge/seed"
    local host
    host=$(hostname -s)
    # The node claims more than this machine has, so that jobs are granted what a real node would grant them.
    cat > "$folder/slurm.conf" << CONFIGURATION
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
ReturnToService=2
PropagatePrioProcess=1
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/completed
KillWait=2
MinJobAge=600
NodeName=$host NodeAddr=127.0.0.1 CPUs=${NODE_CPUS:-16} RealMemory=${NODE_MEMORY:-65536} State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONFIGURATION
    ln -sfn "$folder/slurm.conf" $usual
    slurmctld
    slurmd
    for _ in $(seq 60); do
        if [ "$(sinfo --noheader --format=%t 2> /dev/null)" = idle ]; then return; fi
        sleep 0.5
    done
    echo "no node is idle after 30 seconds; see $folder/slurmctld.log and $folder/slurmd.log" >&2
    return 1
}

stop() {
    for pid in slurmd.pid slurmctld.pid munge/pid; do
        if [ -s "$folder/$pid" ]; then kill "$(cat "$folder/$pid")" || true; fi
    done
    if [ -L $usual ]; then rm $usual; fi
}

"$what"
