{{/* Name of every object in the release's namespace. */}}
{{- define "productionkafka.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Name of cluster-wide objects: with the namespace, so that two releases never share one. */}}
{{- define "productionkafka.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "productionkafka.fullname" .) -}}
{{- end -}}

{{/*
What selects the operator's pods. The operator's own NetworkPolicies let pods with these labels reach Kafka: the name
is fixed, whatever the release is called.
*/}}
{{- define "productionkafka.selector" -}}
app.kubernetes.io/name: productionkafka
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* Labels of the pods: nothing that changes with a chart version alone, which would restart them. */}}
{{- define "productionkafka.podLabels" -}}
{{ include "productionkafka.selector" . }}
app.kubernetes.io/part-of: productionkafka
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Labels of objects about the resources' users rather than about the operator's pods. */}}
{{- define "productionkafka.commonLabels" -}}
app.kubernetes.io/name: productionkafka
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: productionkafka
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "productionkafka.labels" -}}
{{ include "productionkafka.commonLabels" . }}
app.kubernetes.io/component: operator
{{- end -}}

{{/* The operator's image. The init container and the ACL Jobs of Kafka clusters run the same one. */}}
{{- define "productionkafka.image" -}}
{{- $tag := default .Chart.AppVersion .Values.image.tag -}}
{{- if .Values.image.digest -}}
{{- printf "%s:%s@%s" .Values.image.repository $tag .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository $tag -}}
{{- end -}}
{{- end -}}
