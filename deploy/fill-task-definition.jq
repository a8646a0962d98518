# Fills a task definition template with the environment:
#   jq -f deploy/fill-task-definition.jq TEMPLATE
#
# ${NAME} is the variable, ${NAME:-text} has a default, ${NAME:?} has to be set. Empty is unset. A
# string that is an unset variable alone goes, and with it what means nothing without it: the
# environment entry or tag, the EFS configuration (the volume stays, empty).

def set($name): (env[$name] // "") | select(. != "");

def filled:
  if test("^\\$\\{[A-Z][A-Z0-9_]*\\}$") then (set(.[2:-1]) // null)
  else
    gsub("\\$\\{(?<name>[A-Z][A-Z0-9_]*)(?<rule>:\\?|:-(?<default>[^}]*))?\\}";
      set(.name)
      // (if .rule == ":?" then error("\(.name) must be set") else .default // "" end))
  end;

# NAME=valueFrom, separated by blanks.
def secrets:
  [(env.AGENT_SECRETS // "") | splits("[ \t\n]+") | select(. != "")
    | capture("^(?<name>[A-Za-z_][A-Za-z0-9_]*)=(?<valueFrom>.+)$")
      // error("AGENT_SECRETS: entries are NAME=ARN, separated by blanks")];

walk(if type == "string" then filled else . end)
| .containerDefinitions |= map(
    .portMappings |= map(.containerPort |= tonumber)
    | .environment |= map(select(.value != null))
    | .secrets = ((.secrets // []) + secrets)
  )
| .volumes |= map(if .efsVolumeConfiguration and .efsVolumeConfiguration.fileSystemId == null
    then del(.efsVolumeConfiguration) else . end)
| .volumes |= map(if .efsVolumeConfiguration
    and .efsVolumeConfiguration.authorizationConfig.accessPointId == null
    then del(.efsVolumeConfiguration.authorizationConfig.accessPointId) else . end)
| .tags |= map(select(.value != null))
