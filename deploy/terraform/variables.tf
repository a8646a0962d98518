variable "aws_region" {
  type    = string
  default = "us-east-2"
}

variable "cluster" {
  type    = string
  default = "pixell-runtime-cluster"
}

variable "desired_count" {
  type    = number
  default = 1
}

variable "supervisor_config" {
  type        = string
  description = "Where the list of agents is: s3://bucket/key or https://…"
}

variable "supervisor_token_arn" {
  type        = string
  description = "The secret with the token of the admin API"
}

variable "operator_cidrs" {
  type        = list(string)
  default     = []
  description = "From where /supervisor may be reached through the load balancer; empty: from nowhere"
}

variable "wheelhouse_file_system_id" {
  type        = string
  default     = null
  description = "EFS file system of wheels; without it the wheelhouse is empty"
}

variable "execution_role_arn" {
  type = string
}

variable "task_role_arn" {
  type = string
}

variable "vpc_id" {
  type = string
}

variable "subnet_ids" {
  type = list(string)
}

variable "security_group_ids" {
  type = list(string)
}

variable "listener_arn" {
  type        = string
  description = "The load balancer's listener"
}
