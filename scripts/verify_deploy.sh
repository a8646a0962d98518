#!/usr/bin/env bash
# Verifies a deployment in four steps: the service, the tasks' logs, health, the agent. With --load it
# also deploys while requests are being sent, and prints how many were lost and their p95.
# Steps 3 and 4 have to reach the task (from within the VPC) or the load balancer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'END'
usage: scripts/verify_deploy.sh [--url URL] [--path PATH] [--load [--clients N] [--around SEC] [-- COMMAND...]]

  --url URL      where the tasks answer, such as https://your-alb-url; default: the task's own address
  --path PATH    what is asked of the agent, below its base path; default: /meta
  --load         send requests while COMMAND runs, and before and after it
                 (default: scripts/deploy_par.sh --update-only --wait); lost ones fail the verification
  --clients N    how many requests at a time with --load; default 8
  --around SEC   how long before and after; default 5

Variables: AWS_REGION, ECS_CLUSTER, ECS_SERVICE, AGENT_APP_ID (BASE_PATH, REST_PORT), from the
environment, else from .env. With --url and without ECS_SERVICE, steps 1 and 2 are left out.
END
}

url="" path=/meta load=false clients=8 around=5 command=(scripts/deploy_par.sh --update-only --wait)
while [ $# -gt 0 ]; do
  case "$1" in
    --url | --path | --clients | --around)
      [ $# -gt 1 ] || { echo "verify_deploy: $1 needs a value" >&2; exit 2; }
      case "$1" in
        --url) url=${2%/} ;;
        --path) path=/${2#/} ;;
        --clients) clients=$2 ;;
        --around) around=$2 ;;
      esac
      shift
      ;;
    --load) load=true ;;
    --) shift; command=("$@"); break ;;
    -h | --help) usage; exit 0 ;;
    *) echo "verify_deploy: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
[[ $clients =~ ^[1-9][0-9]{0,2}$ ]] || { echo "verify_deploy: --clients is 1 to 999" >&2; exit 2; }
[[ $around =~ ^[0-9]{1,3}$ ]] || { echo "verify_deploy: --around is 0 to 999" >&2; exit 2; }

# shellcheck source=/dev/null
. scripts/read-dotenv
export AWS_PAGER=""

asks_aws=true
[ -n "$url" ] && [ -z "${ECS_SERVICE:-}" ] && asks_aws=false
problems=()
needs_tool() { command -v "$1" >/dev/null || problems+=("$1 is not installed"); }
needs_variable() { [ -n "${!1:-}" ] || problems+=("$1 must be set"); }
needs_tool curl
needs_variable AGENT_APP_ID
if $asks_aws; then
  needs_tool aws
  needs_tool jq
  for name in AWS_REGION ECS_CLUSTER ECS_SERVICE; do needs_variable "$name"; done
fi
if [ ${#problems[@]} -gt 0 ]; then
  printf 'Error: %s\n' "${problems[@]}" >&2
  exit 1
fi

base=${BASE_PATH:-/agents/$AGENT_APP_ID}
base=/${base#/}
base=${base%/}
failed=0
good() { echo "ok      $*"; }
bad() {
  echo "FAILED  $*"
  failed=1
}
aws_here() { aws --region "$AWS_REGION" "$@"; }

# --- 1. the service ---

definition="" task=""
if $asks_aws; then
  read -r running desired definition < <(
    aws_here ecs describe-services --cluster "$ECS_CLUSTER" --services "$ECS_SERVICE" --output text \
      --query 'services[0].[runningCount,desiredCount,taskDefinition]'
  )
  if [ "$running" = "$desired" ] && [ "$running" != 0 ]; then
    good "service: $running of $desired tasks run ${definition##*/}"
  else
    bad "service: ${running:-0} of ${desired:-0} tasks run ${definition##*/}"
  fi

  # --- 2. the logs ---

  task=$(aws_here ecs list-tasks --cluster "$ECS_CLUSTER" --service-name "$ECS_SERVICE" \
    --query 'taskArns[0]' --output text)
  if [ -z "$task" ] || [ "$task" = None ]; then
    bad "logs: the service has no task"
  else
    read -r container group prefix < <(
      aws_here ecs describe-task-definition --task-definition "$definition" --output json | jq -r '
        .taskDefinition.containerDefinitions[0]
        | "\(.name) \(.logConfiguration.options["awslogs-group"]) \(.logConfiguration.options["awslogs-stream-prefix"])"'
    )
    log=$(aws_here logs get-log-events --log-group-name "$group" --start-from-head --output json \
      --log-stream-name "$prefix/$container/${task##*/}" | jq -r '.events[].message') || log=""
    ready=$(grep '"event":"runtime_ready"' <<<"$log" | tail -1 || true)
    if [ -n "$ready" ]; then
      good "logs: runtime_ready, $(grep -o '"boot_ms":[0-9]*' <<<"$ready" | head -1)"
    else
      bad "logs: no runtime_ready in $group for task ${task##*/}"
      grep -E '"event":"boot_failed"|"level":"error"' <<<"$log" | tail -3 || true
    fi
  fi
fi

# --- 3. health ---

if [ -z "$url" ]; then
  address=$(aws_here ecs describe-tasks --cluster "$ECS_CLUSTER" --tasks "$task" --output text \
    --query 'tasks[0].containers[0].networkInterfaces[0].privateIpv4Address' 2>/dev/null || true)
  case "$address" in "" | None) ;; *) url=http://$address:${REST_PORT:-8080} ;; esac
fi
if [ -z "$url" ]; then
  bad "health: the task has no address; use --url"
  bad "agent: the task has no address; use --url"
  exit 1
fi
# The load balancer forwards the agent's own paths only.
health=$(curl -sS -m 5 -w '\n%{http_code}' "$url$base/health" 2>&1 || true)
if [ "${health##*$'\n'}" = 200 ]; then
  good "health: $url$base/health is 200"
else
  bad "health: $url$base/health: ${health//$'\n'/ }"
fi

# --- 4. the agent ---

answer=$(curl -sS -m 30 -o /dev/null -w '%{http_code}' "$url$base$path" 2>&1 || true)
case "$answer" in
  2?? | 3??) good "agent: $url$base$path is $answer" ;;
  *) bad "agent: $url$base$path: $answer" ;;
esac

# --- under load ---

if $load && [ $failed -eq 0 ]; then
  folder=$(mktemp -d)
  trap 'touch "$folder/stop"; wait; rm -rf "$folder"' EXIT
  client() {
    while [ ! -e "$folder/stop" ]; do
      # One connection a request, as through a load balancer's changing targets.
      curl -sS -m 30 -o /dev/null -w '%{http_code} %{time_total}\n' "$url$base$path" \
        2>>"$folder/errors" || true
    done >"$folder/client-$1"
  }
  for ((index = 0; index < clients; index++)); do client "$index" & done
  sleep "$around"
  status=0
  "${command[@]}" || status=$?
  sleep "$around"
  touch "$folder/stop"
  wait
  trap - EXIT
  cat "$folder"/client-* | awk '$2 != "" { print ($1 ~ /^[23]/ ? "kept" : "lost"), $1, $2 }' \
    | sort -k3,3n >"$folder/all"
  total=$(wc -l <"$folder/all")
  lost=$(grep -c '^lost' "$folder/all" || true)
  p95=$(awk -v n="$total" 'NR >= n * 0.95 { printf "%.0f", $3 * 1000; exit }' "$folder/all")
  result="load: $total requests, $lost lost, p95 ${p95:-?} ms"
  if [ "$lost" -eq 0 ] && [ "$total" -gt 0 ]; then good "$result"; else
    bad "$result"
    awk '$1 == "lost" { print "        answered", $2 }' "$folder/all" | sort | uniq -c || true
    sort "$folder/errors" | uniq -c | sort -rn | head -3 || true
  fi
  [ $status -eq 0 ] || bad "load: ${command[*]} ended with status $status"
  rm -rf "$folder"
fi
exit $failed
