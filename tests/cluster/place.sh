# Where a cluster of the tests is: sourced by the programs beside it. CLUSTER_NUMBER (1 to 9) tells those of one machine
# apart, in names, addresses and ports; CLUSTER_HOME is its folder.
number=${CLUSTER_NUMBER:-1}
case $number in [1-9]) ;; *) echo "CLUSTER_NUMBER is $number and must be 1 to 9" >&2; exit 2 ;; esac
name=rigi-t$number                 # of the bridge, and what the nodes' names begin with
home=${CLUSTER_HOME:-/var/lib/rigi-test/cluster$number}
run=/run/$name
network=10.$((90 + number))        # of nodes (.0) and of the pods of each node (.1, .2)
gateway=$network.0.1               # this machine, as nodes and pods see it
api_port=$((6443 + 10 * number))
etcd_port=$((2379 + 10 * number))  # and the one after it
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rigi/tests
bin=$cache/tools/bin

# One that has ended may wait for somebody to look.
alive() { grep -qs '^State:.[^Z]' "/proc/$1/status"; }

[ "$(id -u)" = 0 ] || { echo "a cluster of the tests needs root" >&2; exit 1; }

# wait_for SECONDS WHAT COMMAND...
wait_for() {
    local seconds=$1 what=$2 end
    shift 2
    end=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $end ]; then
            echo "$what is not ready after $seconds s; see $home/log" >&2
            exit 1
        fi
        sleep 0.1
    done
}

# ask PATH [CURL'S ARGUMENTS...]: of the API server, as who may do everything
ask() {
    local path=$1
    shift
    curl --silent --fail --max-time 60 --cacert "$home/pki/ca.crt" --cert "$home/pki/admin.crt" --key "$home/pki/admin.key" \
        "$@" "https://$gateway:$api_port$path"
}
