{{- define "name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "name" .) }}
{{- else -}}
{{ required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{/* What selects its pods; never changes. */}}
{{- define "selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "labels" -}}
{{ include "selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: kafmesh
{{- end -}}

{{- define "scheme" -}}
{{ if .Values.tls.secret }}https{{ else }}http{{ end }}
{{- end -}}

{{/* The file that kafmesh-discover reads. */}}
{{- define "settings" -}}
{{- if not (or .Values.token.secret .Values.tls.clientCa.secret .Values.open) -}}
{{- fail "who may read the mesh, and watch the records in it? Set token.secret to the name of a Secret with a token, or tls.clientCa.secret for client certificates, or open to true for everybody who reaches the port" -}}
{{- end -}}
{{- $secrets := "/etc/kafmesh-discover/secrets" -}}
{{- $s := dict "listen" "0.0.0.0:8080" "kubernetes" "on" -}}
{{- $_ := set $s "shutdown-delay" (printf "%ds" (int .Values.shutdown.delaySeconds)) -}}
{{- $_ := set $s "shutdown-timeout" (printf "%ds" (int .Values.shutdown.timeoutSeconds)) -}}
{{- with .Values.namespaces }}{{ $_ := set $s "namespace" . }}{{ end -}}
{{- if .Values.token.secret }}{{ $_ := set $s "token-file" (printf "%s/token" $secrets) }}{{ end -}}
{{- if .Values.tls.secret -}}
{{- $_ := set $s "tls-certificate" (printf "%s/tls/tls.crt" $secrets) -}}
{{- $_ := set $s "tls-key" (printf "%s/tls/tls.key" $secrets) -}}
{{- end -}}
{{- if .Values.tls.clientCa.secret -}}
{{- if not .Values.tls.secret }}{{ fail "tls.clientCa needs tls.secret" }}{{ end -}}
{{- $_ := set $s "tls-client-ca" (printf "%s/tls/client-ca.crt" $secrets) -}}
{{- end -}}
{{- with .Values.pods -}}
{{- if .ca.secret }}{{ $_ := set $s "pod-ca" (printf "%s/pods/ca.crt" $secrets) }}{{ end -}}
{{- if .certificate.secret -}}
{{- $_ := set $s "pod-certificate" (printf "%s/pods/tls.crt" $secrets) -}}
{{- $_ := set $s "pod-key" (printf "%s/pods/tls.key" $secrets) -}}
{{- end -}}
{{- with .serverName }}{{ $_ := set $s "pod-server-name" . }}{{ end -}}
{{- if .watchToken.secret }}{{ $_ := set $s "watch-token-file" (printf "%s/pods/watch-token" $secrets) }}{{ end -}}
{{- end -}}
{{- with .Values.neo4j -}}
{{- if .url -}}
{{- $_ := set $s "neo4j" .url -}}
{{- $_ := set $s "neo4j-user" .user -}}
{{- with .database }}{{ $_ := set $s "neo4j-database" . }}{{ end -}}
{{- if .password.secret }}{{ $_ := set $s "neo4j-password-file" (printf "%s/neo4j-password" $secrets) }}{{ end -}}
{{- if .ca.secret }}{{ $_ := set $s "neo4j-ca" (printf "%s/neo4j-ca.crt" $secrets) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- with .Values.kafka -}}
{{- with .brokers }}{{ $_ := set $s "brokers" . }}{{ end -}}
{{- with .properties }}{{ $_ := set $s "kafka" . }}{{ end -}}
{{- end -}}
{{- merge $s .Values.settings | toYaml -}}
{{- end -}}

{{/* The sources of the volume with secrets; empty without any. */}}
{{- define "secretSources" -}}
{{- with .Values.token }}{{ if .secret }}
- secret:
    name: {{ .secret }}
    items: [{key: {{ .key | quote }}, path: token}]
{{- end }}{{ end }}
{{- with .Values.tls }}{{ if .secret }}
- secret:
    name: {{ .secret }}
    items: [{key: tls.crt, path: tls/tls.crt}, {key: tls.key, path: tls/tls.key}]
{{- end }}{{ if .clientCa.secret }}
- secret:
    name: {{ .clientCa.secret }}
    items: [{key: {{ .clientCa.key | quote }}, path: tls/client-ca.crt}]
{{- end }}{{ end }}
{{- with .Values.pods }}{{ if .ca.secret }}
- secret:
    name: {{ .ca.secret }}
    items: [{key: {{ .ca.key | quote }}, path: pods/ca.crt}]
{{- end }}{{ if .certificate.secret }}
- secret:
    name: {{ .certificate.secret }}
    items: [{key: tls.crt, path: pods/tls.crt}, {key: tls.key, path: pods/tls.key}]
{{- end }}{{ if .watchToken.secret }}
- secret:
    name: {{ .watchToken.secret }}
    items: [{key: {{ .watchToken.key | quote }}, path: pods/watch-token}]
{{- end }}{{ end }}
{{- with .Values.neo4j }}{{ if and .url .password.secret }}
- secret:
    name: {{ .password.secret }}
    items: [{key: {{ .password.key | quote }}, path: neo4j-password}]
{{- end }}{{ if and .url .ca.secret }}
- secret:
    name: {{ .ca.secret }}
    items: [{key: {{ .ca.key | quote }}, path: neo4j-ca.crt}]
{{- end }}{{ end }}
{{- end -}}
