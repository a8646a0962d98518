#!/usr/bin/env bash
# Builds the image, pushes it to ECR and updates the ECS service. deploy/.env.example has the variables,
# docs/deployment.md the whole procedure. It touches no service discovery.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'END'
usage: scripts/deploy_par.sh [--build-only | --push-only | --update-only | --rollback] [--dry-run] [--wait]

  (none)          build, push, update the service
  --build-only    build the image
  --push-only     build and push
  --update-only   register the task definition for IMAGE_TAG and update the service
  --rollback      put the service back to the task definition before its present one
  --dry-run       show what would be done, the filled task definition included; change nothing
  --wait          until the service is stable, then show the new tasks' logs by par-lifecycle trace

Variables are those of deploy/.env.example, from the environment, else from .env.
END
}

# --- what was asked for ---

mode=all dry_run=false wait=false
for argument in "$@"; do
  case "$argument" in
    --build-only | --push-only | --update-only | --rollback)
      if [ "$mode" != all ]; then
        echo "deploy_par: --$mode and $argument exclude each other" >&2
        exit 2
      fi
      mode=${argument#--}
      ;;
    --dry-run) dry_run=true ;;
    --wait) wait=true ;;
    -h | --help) usage; exit 0 ;;
    *) echo "deploy_par: unknown argument '$argument'" >&2; usage >&2; exit 2 ;;
  esac
done
builds=false pushes=false updates=false
case "$mode" in
  all) builds=true pushes=true updates=true ;;
  build-only) builds=true ;;
  push-only) builds=true pushes=true ;;
  update-only) updates=true ;;
esac

# shellcheck source=/dev/null
. scripts/read-dotenv

export AWS_PAGER=""
# Present but empty is what a workflow makes of a secret that does not exist.
value() { printf '%s' "${!1:-}"; }
template=${TASK_TEMPLATE:-deploy/ecs-task-definition-template.json}
dockerfile=${DOCKERFILE:-deploy/docker/Dockerfile}
platform=${IMAGE_PLATFORM:-linux/amd64}

# --- everything that is missing or wrong, at once, before anything is done ---

problems=()
problem() { problems+=("$1"); }
needs_tool() { command -v "$1" >/dev/null || problem "$1 is not installed ($2)"; }
needs_variable() { [ -n "$(value "$1")" ] || problem "$1 must be set ($2)"; }

if $builds; then
  needs_tool docker "builds the image"
  [ -f "$dockerfile" ] || problem "DOCKERFILE=$dockerfile is not there"
  [ -n "${IMAGE_TAG:-}" ] || needs_tool git "names the image; or set IMAGE_TAG"
fi
if $pushes || $updates || [ "$mode" = rollback ]; then
  needs_tool aws "AWS CLI"
  needs_variable AWS_REGION "AWS region"
fi
if $pushes || $updates; then
  needs_variable AWS_ACCOUNT_ID "AWS account of the ECR repository"
  needs_variable ECR_REPO "ECR repository"
fi
if $updates || [ "$mode" = rollback ]; then
  needs_tool jq "fills the task definition"
  needs_variable ECS_CLUSTER "ECS cluster"
  needs_variable ECS_SERVICE "ECS service"
fi
if [ "$mode" = update-only ]; then
  needs_variable IMAGE_TAG "the image to deploy; --update-only builds none"
fi
if $updates; then
  if [ -f "$template" ]; then
    # shellcheck disable=SC2016  # the template's placeholders, not the shell's
    required=$(grep -o '\${[A-Z][A-Z0-9_]*:?}' "$template" | tr -d '${:?}' | sort -u)
    for name in $required; do
      case "$name" in
        IMAGE_URI | AWS_ACCOUNT_ID | AWS_REGION) ;;
        *) needs_variable "$name" "required by $template" ;;
      esac
    done
  else
    problem "TASK_TEMPLATE=$template is not there"
  fi
  case "${PACKAGE_URL:-}" in
    "" | s3://?*/?* | https://?*) ;;
    file://*) problem "file:// URLs are not allowed: PACKAGE_URL takes s3:// and https:// alone" ;;
    *) problem "PACKAGE_URL must be s3://bucket/key or https://…" ;;
  esac
  if [ -n "${PACKAGE_SHA256:-}" ] && ! [[ $PACKAGE_SHA256 =~ ^[0-9A-Fa-f]{64}$ ]]; then
    problem "PACKAGE_SHA256 must be 64 hexadecimal digits"
  fi
fi
case "$platform" in
  linux/amd64) CPU_ARCHITECTURE=X86_64 ;;
  linux/arm64) CPU_ARCHITECTURE=ARM64 ;;
  *) problem "IMAGE_PLATFORM must be linux/amd64 or linux/arm64, and is $platform" ;;
esac

report_problems() {
  [ ${#problems[@]} -gt 0 ] || return 0
  printf 'Error: %s\n' "${problems[@]}" >&2
  echo "Nothing was done." >&2
  exit 1
}
report_problems

# --- names ---

if $builds && [ -z "${IMAGE_TAG:-}" ]; then
  sha=$(git rev-parse --short HEAD 2>/dev/null) \
    || problem "this is no git checkout; set IMAGE_TAG"
  report_problems
  IMAGE_TAG=$sha-$(date -u +%Y%m%d-%H%M%S)
fi
registry=${AWS_ACCOUNT_ID:-}.dkr.ecr.${AWS_REGION:-}.amazonaws.com
if [ -n "${AWS_ACCOUNT_ID:-}" ] && [ -n "${AWS_REGION:-}" ] && [ -n "${ECR_REPO:-}" ]; then
  IMAGE_URI=$registry/$ECR_REPO:${IMAGE_TAG:-}
else
  IMAGE_URI=par-local:${IMAGE_TAG:-}
fi
export IMAGE_URI CPU_ARCHITECTURE

say() { echo "==> $*" >&2; }
# Shows a command that changes something, and runs it unless this is a dry run.
run() {
  printf '+ %s\n' "${*/#aws_here/aws}" >&2
  $dry_run || "$@"
}
aws_here() { aws --region "$AWS_REGION" "$@"; }

definition=""
if $updates; then
  definition=$(jq -f deploy/fill-task-definition.jq "$template")
fi

# --- what AWS has to have, asked before the slow part ---

if ! $dry_run && { $pushes || $updates || [ "$mode" = rollback ]; }; then
  identity=$(aws_here sts get-caller-identity --query Account --output text) \
    || problem "AWS does not accept these credentials"
  if [ -n "${identity:-}" ] && [ -n "${AWS_ACCOUNT_ID:-}" ] && [ "$identity" != "$AWS_ACCOUNT_ID" ]; then
    problem "the credentials are of account $identity, AWS_ACCOUNT_ID is $AWS_ACCOUNT_ID"
  fi
  report_problems
fi
current=""
if ! $dry_run && { $updates || [ "$mode" = rollback ]; }; then
  current=$(
    aws_here ecs describe-services --cluster "$ECS_CLUSTER" --services "$ECS_SERVICE" \
      --query "services[?status=='ACTIVE'].taskDefinition | [0]" --output text
  ) || current=None
  [ "$current" != None ] || problem "there is no active service $ECS_SERVICE in cluster $ECS_CLUSTER"
fi
if ! $dry_run && $pushes; then
  aws_here ecr describe-repositories --repository-names "$ECR_REPO" >/dev/null \
    || problem "there is no ECR repository $ECR_REPO"
elif ! $dry_run && $updates; then
  aws_here ecr describe-images --repository-name "$ECR_REPO" \
    --image-ids "imageTag=$IMAGE_TAG" >/dev/null \
    || problem "ECR repository $ECR_REPO has no image with the tag $IMAGE_TAG"
fi
report_problems

# --- build, push ---

if $builds; then
  say "Building $IMAGE_URI for $platform"
  run docker buildx build --platform "$platform" --load -t "$IMAGE_URI" -f "$dockerfile" .
fi
if $pushes; then
  say "Pushing $IMAGE_URI"
  echo "+ aws ecr get-login-password | docker login --username AWS --password-stdin $registry" >&2
  $dry_run || aws_here ecr get-login-password \
    | docker login --username AWS --password-stdin "$registry" >&2
  run docker push "$IMAGE_URI"
fi

# --- the service ---

# The tasks that run the definition $1, as "id" lines; $2 is their status.
tasks_of() {
  local arns
  arns=$(aws_here ecs list-tasks --cluster "$ECS_CLUSTER" --service-name "$ECS_SERVICE" \
    --desired-status "$2" --query taskArns --output text)
  [ -n "$arns" ] && [ "$arns" != None ] || return 0
  # shellcheck disable=SC2086  # a list of ARNs
  aws_here ecs describe-tasks --cluster "$ECS_CLUSTER" --tasks $arns \
    --query "tasks[?taskDefinitionArn=='$1'].taskArn" --output text | tr '\t' '\n' \
    | sed -n 's|.*/||p' | grep -v '^None$' || true
}

# The event log of the task $2, which runs the definition $1.
log_of() {
  local container group prefix next="" token
  read -r container group prefix < <(
    aws_here ecs describe-task-definition --task-definition "$1" --output json | jq -r '
      .taskDefinition.containerDefinitions[0]
      | "\(.name) \(.logConfiguration.options["awslogs-group"]) \(.logConfiguration.options["awslogs-stream-prefix"])"'
  )
  while :; do
    local page
    page=$(aws_here logs get-log-events --log-group-name "$group" --start-from-head --output json \
      --log-stream-name "$prefix/$container/$2" ${next:+--next-token "$next"}) || return 0
    jq -r '.events[].message' <<<"$page"
    token=$(jq -r '.nextForwardToken // empty' <<<"$page")
    [ -n "$token" ] && [ "$token" != "$next" ] || return 0
    next=$token
  done
}

# Shows a log on standard input as a timeline. CloudWatch delivers at least once, so a program that
# can be told to overlook duplicates is told so.
show_log() {
  local program=${PAR_LIFECYCLE:-}
  [ -n "$program" ] || program=$(command -v par-lifecycle || true)
  [ -n "$program" ] || { [ -x .build/release/par-lifecycle ] && program=.build/release/par-lifecycle; } || true
  if [ -n "$program" ]; then
    local help options=()
    help=$("$program" trace --help 2>/dev/null </dev/null || true)
    case "$help" in *--allow-duplicates*) options=(--allow-duplicates) ;; esac
    "$program" trace "${options[@]}"
  else
    say "par-lifecycle is not here to check the log (make build, or PAR_LIFECYCLE=); its own lines:"
    grep -E '"event":"(load|runtime_ready|boot_failed|stopped)"|"level":"error"' || true
  fi
}

show_logs() {
  local status=0 task
  for task in $(tasks_of "$1" "$2"); do
    say "Log of task $task"
    log_of "$1" "$task" | show_log || status=1
  done
  return $status
}

# Puts the service on the definition $1.
update_service() {
  run aws_here ecs update-service --cluster "$ECS_CLUSTER" --service "$ECS_SERVICE" \
    --task-definition "$1" --query 'service.taskDefinition' --output text
}

wait_until_stable() {
  $wait || return 0
  say "Waiting until $ECS_SERVICE is stable"
  if run aws_here ecs wait services-stable --cluster "$ECS_CLUSTER" --services "$ECS_SERVICE"; then
    $dry_run || show_logs "$1" RUNNING
  else
    say "$ECS_SERVICE did not become stable; its last events and the tasks that ended:"
    aws_here ecs describe-services --cluster "$ECS_CLUSTER" --services "$ECS_SERVICE" \
      --query 'services[0].events[:5].message' --output text | tr '\t' '\n' >&2
    show_logs "$1" STOPPED || true
    say "Back to the definition before: $0 --rollback"
    exit 1
  fi
}

if $updates; then
  if $dry_run; then
    say "The task definition"
    # A presigned URL is a secret.
    jq '(.containerDefinitions[].environment[]? | select(.name == "PACKAGE_URL") | .value) |= sub("\\?.*"; "?***")' \
      <<<"$definition"
  fi
  say "Registering the task definition"
  arn="(the new revision)"
  if $dry_run; then
    echo "+ aws ecs register-task-definition --cli-input-json …" >&2
  else
    file=$(mktemp)
    trap 'rm -f "$file"' EXIT
    printf '%s' "$definition" >"$file"
    arn=$(aws_here ecs register-task-definition --cli-input-json "file://$file" \
      --query taskDefinition.taskDefinitionArn --output text)
    rm -f "$file"
    echo "$arn"
  fi
  say "Updating $ECS_SERVICE"
  if ! update_service "$arn"; then
    say "The service was not updated and still runs $current; the new revision is taken back"
    aws_here ecs deregister-task-definition --task-definition "$arn" >/dev/null || true
    exit 1
  fi
  wait_until_stable "$arn"
fi

if [ "$mode" = rollback ]; then
  if $dry_run; then
    say "$ECS_SERVICE would go back to the active revision before its present one"
    exit 0
  fi
  family=${current##*/}
  revision=${family##*:}
  family=${family%:*}
  previous=$(
    aws_here ecs list-task-definitions --family-prefix "$family" --status ACTIVE --output json \
      | jq -r --arg family "$family" --argjson revision "$revision" '
          [.taskDefinitionArns[]
            | select((split("/")[-1] | split(":")[0]) == $family)
            | select((split(":")[-1] | tonumber) < $revision)]
          | max_by(split(":")[-1] | tonumber) // empty'
  )
  if [ -z "$previous" ]; then
    echo "Error: $current is the oldest active revision of $family; there is nothing to go back to." >&2
    echo "Nothing was done." >&2
    exit 1
  fi
  say "$ECS_SERVICE goes from $current back to $previous"
  update_service "$previous"
  wait_until_stable "$previous"
fi
say "Done${IMAGE_TAG:+ ($IMAGE_TAG)}"
