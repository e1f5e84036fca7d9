{{/*
What the operator may do in each namespace that it serves. Sorted by API group and resource, so that nothing is said
twice or forgotten. Not here on purpose: wildcards, list or watch of Secrets, exec into pods, and anything about roles.
*/}}
{{- define "productionkafka.rules" -}}
# ConfigMaps: the identity of a cluster (replaced only at the version that was read: update), one immutable configuration
# per node, and sentinels that tell when a Secret is deleted.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create, delete, get, list, patch, update, watch]
# Volumes: created for each Kafka node and grown when the resource asks for it; their uid tells a lost disk from a known
# one. Deleted only where the installation allows it (rbac.deleteVolumes) and a resource asks for it.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [create, {{ if .Values.rbac.deleteVolumes }}delete, {{ end }}get, list, patch, watch]
# Namespaces: a protected cluster whose deletion was let through is held, unless its namespace ends; read by name, then alone.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get]
# Pods: phase, address and the result of ACL Jobs. A rolling restart asks by a dry-run create whether the replacement
# would be admitted (the StatefulSet's controller creates it), and deletes pods that serve nothing.
- apiGroups: [""]
  resources: [pods]
  verbs: [create, delete, get, list, watch]
# Evictions: a rolling restart takes a pod that serves away only where every PodDisruptionBudget allows it.
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
# Secrets: certificate authorities, keys and credentials that the operator makes. It reads by name only; without list
# and watch it can't collect those of others. The key of a broker that was removed goes with it.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create, delete, get, patch]
# Services: the headless Service of the nodes, one bootstrap Service per client listener, and one per broker where the listener
# is reached from elsewhere. The addresses that they were given are read by name.
- apiGroups: [""]
  resources: [services]
  verbs: [create, delete, get, list, patch, watch]
# StatefulSets: one per Kafka node. Deleted is that of a broker that holds no replica any more.
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [create, delete, get, list, patch, watch]
# Jobs: each changed set of ACLs is applied by one; finished ones go by their time to live. A failed one is deleted to be
# tried again, an older set's to make room for the new one.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, delete, get, list, patch, watch]
# Events about the resources, for `kubectl describe`; a repeated one is patched.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# NetworkPolicies: default deny around each cluster, and the edges that it needs.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [create, delete, get, list, patch, watch]
# TLSRoutes: listeners behind a Gateway. Nothing is asked of a cluster without the Gateway API but one list.
- apiGroups: [gateway.networking.k8s.io]
  resources: [tlsroutes]
  verbs: [create, delete, get, list, patch]
# PodDisruptionBudgets: a drain takes one node of a cluster at a time.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [create, delete, get, list, patch, watch]
# The resources themselves. Patch sets and removes the finalizer; the spec is the user's (admission holds the operator to that).
# Read live are clusters before a restart and topics before they're deleted.
- apiGroups: [productionkafka.dev]
  resources: [kafkatopics]
  verbs: [get, list, patch, watch]
- apiGroups: [productionkafka.dev]
  resources: [kafkausers]
  verbs: [list, patch, watch]
- apiGroups: [productionkafka.dev]
  resources: [productionkafkas]
  verbs: [get, list, patch, watch]
# Children name the resource as their controller with blockOwnerDeletion, which OwnerReferencesPermissionEnforcement
# (on in OpenShift) allows only to those who may update its finalizers.
- apiGroups: [productionkafka.dev]
  resources: [kafkatopics/finalizers, kafkausers/finalizers, productionkafkas/finalizers]
  verbs: [update]
# What the operator reports.
- apiGroups: [productionkafka.dev]
  resources: [kafkatopics/status, kafkausers/status, productionkafkas/status]
  verbs: [patch]
{{- end -}}
