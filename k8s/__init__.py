"""The Kubernetes target: releases of Helm charts and objects of ours, through pulumi-kubernetes."""
