#!/usr/bin/env bash
# The chart on a real API server, in namespaces that enforce `restricted`: five ways in, a run as a Job, the chart's own test, upgrade,
# rollback, removal that leaves only data; with SQLite, and with the chart's PostgreSQL.
#   cluster.sh [WAY…]     helm3 helm4 template kustomize postgres tls openshift backup dry-run; all of them unless told
#   RIGI_DEPLOY_CLUSTER   folder with `up` (says KUBECONFIG=…) and `load IMAGE.tar`; it needs a name server, and a storage class
#   KUBECONFIG            of a cluster that runs already: `up` is not called
#   RIGI_DEPLOY_IMAGES    archives of images, from `docker save`: rigi:VERSION, rigi-test/postgres:1
#   RIGI_DEPLOY_VOLUMES   folder of volumes that are folders of a node: those take no group, so all are let in
#   HELM3, HELM4          the programs
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
chart=$here/../../deploy/helm/rigi
cluster=${RIGI_DEPLOY_CLUSTER:?names no folder of a cluster}
# One that runs is left as it is: its parts end when their settings are written anew.
if [ -z "${KUBECONFIG:-}" ]; then KUBECONFIG=$("$cluster/up" | sed -n 's/.*KUBECONFIG=//p' | tail -n 1); fi
export KUBECONFIG
# shellcheck disable=SC2086
if [ -n "${RIGI_DEPLOY_IMAGES:-}" ]; then "$cluster/load" $RIGI_DEPLOY_IMAGES >/dev/null; fi
work=$(mktemp -d)
PASSED=0
# A run of its own for each call: nothing of a former one is in the way.
suffix=$(date +%s | tail -c 6)
tidy() {
    local status=$?
    if [ "$status" != 0 ] && [ -n "${NS:-}" ]; then
        kubectl -n "$NS" get pods,pvc >&2 || true
        kubectl -n "$NS" get events 2>&1 | tail -n 15 >&2 || true
        kubectl -n "$NS" logs deploy/rigi --tail 20 >&2 || true
    fi
    for ns in ${MADE:-}; do kubectl delete namespace "$ns" --wait=false >/dev/null 2>&1 || true; done
    [ -z "${OPENER:-}" ] || kill "$OPENER" || true
    rm -rf "$work"
}
trap tidy EXIT

if [ -n "${RIGI_DEPLOY_VOLUMES:-}" ]; then
    (while sleep 0.3; do chmod 777 "$RIGI_DEPLOY_VOLUMES" "$RIGI_DEPLOY_VOLUMES"/* 2>/dev/null || true; done) &
    OPENER=$!
fi

cat >"$work/values.yaml" <<'END'
pipelines:
  inline:
    hello: {pipeline.yaml: "command: [echo, hello from a Job]\n"}
resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {memory: 512Mi}}
END
cat >"$work/postgres.yaml" <<'END'
database:
  bundled:
    enabled: true
    existingSecret: rigi-postgres
    image: rigi-test/postgres:1
    resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {memory: 512Mi}}
END

passed() {
    PASSED=$((PASSED + 1))
    echo "ok: $NS: $*"
}

namespace() {
    NS=rigi-$1-$suffix
    MADE="${MADE:-} $NS"
    kubectl create namespace "$NS" >/dev/null
    kubectl label namespace "$NS" pod-security.kubernetes.io/enforce=restricted pod-security.kubernetes.io/warn=restricted >/dev/null
    BEGAN=$(date +%s%N)
}

ready() {
    kubectl -n "$NS" rollout status deployment/rigi --timeout 120s >/dev/null
    passed "ready after $((($(date +%s%N) - BEGAN) / 1000000)) ms"
    # The node's proxy knows the runners' address some moments later; a connection begun before that goes nowhere, for minutes.
    local end=$((SECONDS + 60))
    until kubectl -n "$NS" exec deploy/rigi -- timeout 2 bash -c 'exec 3<>/dev/tcp/rigi-runners/7445' 2>"$work/door"; do
        [ $SECONDS -lt $end ] || { echo "$NS: the runners' door is not reached: $(cat "$work/door")" >&2; return 1; }
    done
}

# lacks WORDS FILE
lacks() {
    if grep -i "$1" "$2" >&2; then return 1; fi
}

rigi() { timeout 60 kubectl -n "$NS" exec deploy/rigi -- rigi "$@"; }

# An example runs as a Job of the namespace, and its log comes back.
runs() {
    rigi run hello --follow >"$work/said" 2>&1 || { cat "$work/said" >&2; return 1; }
    grep -q "hello from a Job" "$work/said"
    grep -q succeeded "$work/said"
    passed "a run as a Job: $(tail -n 1 "$work/said")"
}

remembers() {
    [ -n "$(rigi runs list -o name)" ] || { echo "$NS: runs are forgotten" >&2; return 1; }
    passed "what ran before is there"
}

# What bears the release's label, but for what is meant to stay.
left() {
    local end=$((SECONDS + 60)) rest
    while rest=$(kubectl -n "$NS" get deploy,sts,cronjob,job,pod,svc,cm,sa,role,rolebinding,netpol,pdb,hpa,ingress,pvc \
        -l app.kubernetes.io/instance=rigi -o name | grep -v -x -F -e persistentvolumeclaim/rigi-data -e persistentvolumeclaim/data-rigi-postgres-0); do
        [ $SECONDS -lt $end ] || { echo "$NS: left: $rest" >&2; return 1; }
        sleep 1
    done
    [ -n "$(kubectl -n "$NS" get pvc -o name)" ]
    passed "only data is left: $(kubectl -n "$NS" get pvc -o name | tr '\n' ' ')"
}

by_helm() {
    local helm=$1 way=$2
    shift 2
    namespace "$way"
    "$@"
    "$helm" install rigi "$chart" -n "$NS" -f "$work/values.yaml" ${EXTRA:-} --wait --timeout 3m >/dev/null 2>"$work/warned" ||
        { cat "$work/warned" >&2; return 1; }
    lacks "would violate" "$work/warned"
    ready
    runs
    "$helm" -n "$NS" test rigi --timeout 2m >"$work/said" 2>&1 || { cat "$work/said" >&2; return 1; }
    passed "helm test"
    "$helm" upgrade rigi "$chart" -n "$NS" -f "$work/values.yaml" ${EXTRA:-} --set config.log.level=debug --wait --timeout 3m >/dev/null 2>&1
    [ "$(rigi config show log.level -o name >/dev/null 2>&1; kubectl -n "$NS" get cm rigi -o jsonpath='{.data.rigi\.toml}' | grep -c 'level = "debug"')" = 1 ]
    remembers
    runs
    "$helm" -n "$NS" rollback rigi 1 --wait --timeout 3m >/dev/null 2>&1
    remembers
    passed "rolled back"
    "$helm" -n "$NS" uninstall rigi --wait >/dev/null 2>&1
    left
    # What stays is taken up again.
    "$helm" install rigi "$chart" -n "$NS" -f "$work/values.yaml" ${EXTRA:-} --wait --timeout 3m >/dev/null 2>&1
    remembers
    passed "taken up again"
    "$helm" -n "$NS" uninstall rigi >/dev/null 2>&1
}

helm3() { by_helm "${HELM3:?}" helm3 true; }
helm4() { by_helm "${HELM4:?}" helm4 true; }

template() {
    namespace template
    local rendered=("${HELM3:?}" template rigi "$chart" -n "$NS" --kube-version 1.34 -f "$work/values.yaml")
    "${rendered[@]}" 2>/dev/null >"$work/all.yaml"
    kubectl -n "$NS" apply -f "$work/all.yaml" >/dev/null
    ready
    runs
    # Again: nothing changes. Then the server's own way of applying.
    kubectl -n "$NS" apply -f "$work/all.yaml" >"$work/said"
    lacks configured "$work/said"
    passed "applied again, nothing changes"
    "${rendered[@]}" --set config.log.level=debug 2>/dev/null | kubectl -n "$NS" apply --server-side --force-conflicts -f - >/dev/null
    kubectl -n "$NS" rollout status deployment/rigi --timeout 120s >/dev/null
    remembers
    kubectl -n "$NS" delete -f "$work/all.yaml" --ignore-not-found >/dev/null
}

kustomize() {
    namespace kustomize
    mkdir -p "$work/overlay"
    cp -r "$here/../../deploy/kustomize/base" "$work/base"
    printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: %s\nresources: [../base]\n' "$NS" >"$work/overlay/kustomization.yaml"
    kubectl apply -k "$work/overlay" >/dev/null
    ready
    kubectl -n "$NS" exec deploy/rigi -- sh -c 'mkdir /var/lib/rigi-pipelines/hello && printf "command: [echo, hello from a Job]\n" >/var/lib/rigi-pipelines/hello/pipeline.yaml'
    local end=$((SECONDS + 10))
    until [ -n "$(rigi pipelines list -o name)" ] || [ $SECONDS -ge $end ]; do sleep 0.2; done
    runs
    kubectl delete -k "$work/overlay" --ignore-not-found >/dev/null
}

database_secret() {
    local password
    password=$(openssl rand -hex 24)
    kubectl -n "$NS" create secret generic rigi-postgres --from-literal=password="$password" \
        --from-literal=url="postgres://rigi:$password@rigi-postgres:5432/rigi" >/dev/null
}

postgres() {
    EXTRA="-f $work/postgres.yaml"
    by_helm "${HELM3:?}" postgres database_secret
    EXTRA=
}

# TLS of the server's own, from a secret: probes and commands in the pod go on.
tls() {
    namespace tls
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=rigi.example.org \
        -addext "subjectAltName=DNS:rigi.example.org" -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null
    kubectl -n "$NS" create secret tls rigi-tls --cert "$work/tls.crt" --key "$work/tls.key" >/dev/null
    "${HELM3:?}" install rigi "$chart" -n "$NS" -f "$work/values.yaml" --set tls.existingSecret=rigi-tls --set url=https://rigi.example.org \
        --wait --timeout 3m >/dev/null 2>&1
    ready
    runs
    "$HELM3" -n "$NS" uninstall rigi >/dev/null 2>&1
}

# As OpenShift has it: an account and a group that the platform chooses, which nobody in the image knows; of a namespace for runs of its own.
openshift() {
    namespace openshift-runs
    local runs=$NS
    namespace openshift
    "${HELM3:?}" template rigi "$chart" -n "$NS" --kube-version 1.34 -f "$work/values.yaml" --set openshift=true --set runs.namespace="$runs" \
        --set tests.enabled=false 2>/dev/null >"$work/all.yaml"
    sed -i 's/^        runAsNonRoot: true$/&\n        runAsUser: 1000730000\n        runAsGroup: 0\n        fsGroup: 1000730000/' "$work/all.yaml"
    grep -q 'runAsUser: 1000730000' "$work/all.yaml"
    # Objects for runs say their namespace; all others are of the one that is named here.
    python3 - "$work/all.yaml" "$runs" "$work" <<'PY'
import re, sys
documents = [d for d in re.split(r"^---$", open(sys.argv[1]).read(), flags=re.M) if d.strip()]
there = [d for d in documents if re.search(rf"^  namespace: {sys.argv[2]}$", d, re.M)]
for name, some in (("there", there), ("here", [d for d in documents if d not in there])):
    open(f"{sys.argv[3]}/{name}.yaml", "w").write("---".join(some))
PY
    kubectl -n "$runs" apply -f "$work/there.yaml" >/dev/null
    kubectl -n "$NS" apply -f "$work/here.yaml" >/dev/null
    ready
    runs
    [ "$(kubectl -n "$NS" exec deploy/rigi -- id -u)" = 1000730000 ]
    passed "as account 1000730000, runs in a namespace of their own"
}

# A backup by the CronJob, and the drill that restores it.
backup() {
    namespace backup
    "${HELM3:?}" install rigi "$chart" -n "$NS" -f "$work/values.yaml" --set backup.enabled=true --wait --timeout 3m >/dev/null 2>&1
    ready
    runs
    for job in backup restore-drill; do
        kubectl -n "$NS" create job --from="cronjob/rigi-$job" "$job" >/dev/null
        kubectl -n "$NS" wait --for=condition=complete --timeout 120s "job/$job" >/dev/null || {
            kubectl -n "$NS" logs "job/$job" --all-containers --tail 30 >&2
            return 1
        }
        passed "$job: $(kubectl -n "$NS" logs "job/$job" --all-containers | tail -n 1)"
    done
    # What came since is moved aside, and what was stored comes back.
    runs
    kubectl -n "$NS" scale deployment/rigi --replicas 0 >/dev/null
    kubectl -n "$NS" wait --for=delete pod -l app.kubernetes.io/component=server --timeout 60s >/dev/null
    local restore
    restore=$(kubectl -n "$NS" create -f "$here/../../deploy/helm/restore.yaml" -o name)
    kubectl -n "$NS" wait --for=condition=complete --timeout 60s "$restore" >/dev/null || { kubectl -n "$NS" logs "$restore" >&2; return 1; }
    kubectl -n "$NS" scale deployment/rigi --replicas 1 >/dev/null
    kubectl -n "$NS" rollout status deployment/rigi --timeout 120s >/dev/null
    [ "$(rigi runs list -o name | wc -l)" = 1 ]
    passed "$(kubectl -n "$NS" logs "$restore" -c restore | head -n 1)"
    "$HELM3" -n "$NS" uninstall rigi >/dev/null 2>&1
}

# All profiles, as the API server would take them; kinds that it does not have are left out.
dry_run() {
    namespace dry-run
    local files
    for files in "" "-f $chart/values-dev.yaml" "-f $chart/values-staging.yaml" "-f $chart/values-prod.yaml"; do
        # shellcheck disable=SC2086
        "${HELM3:?}" template rigi "$chart" -n "$NS" --kube-version 1.34 $files 2>/dev/null >"$work/all.yaml"
        python3 - "$work/all.yaml" >"$work/known.yaml" <<'PY'
import re, sys
documents = re.split(r"^---$", open(sys.argv[1]).read(), flags=re.M)
known = [d for d in documents if d.strip() and not re.search(r"^apiVersion: .*(coreos|kueue|gateway|openshift)", d, re.M)]
print("---".join(known))
PY
        kubectl -n "$NS" apply --dry-run=server -f "$work/known.yaml" >"$work/said" 2>&1 || { cat "$work/said" >&2; return 1; }
        lacks "would violate" "$work/said"
        passed "dry run on the server: ${files:-no values}"
    done
}

for way in ${*:-helm3 helm4 template kustomize postgres tls openshift backup dry-run}; do "${way/-/_}"; done
echo "test result: ok. $PASSED passed; 0 failed"
