#!/bin/sh
# Makes base/rigi.yaml: the chart as it is without any value. HELM names the program.
set -eu
cd "$(dirname "$0")"
{
    echo "# Made by deploy/kustomize/render.sh from deploy/helm/rigi."
    echo "# What differs is a patch of an overlay."
    "${HELM:-helm}" template rigi ../helm/rigi --kube-version 1.34.0 --namespace default --set tests.enabled=false
} >base/rigi.yaml
