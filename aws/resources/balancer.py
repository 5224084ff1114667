"""The load balancer before the gateways."""

import pulumi
from pulumi_aws import ec2, lb, vpc

from aws.parts import Balancer, Target
from aws.resources.component import Account, Component

TLS = "ELBSecurityPolicy-TLS13-1-2-2021-06"


class BalancerComponent(Component):
    """Inside the network alone: it ends TLS, and passes on to the gateways that say they are well."""

    def __init__(self, account: Account, part: Balancer, opts: pulumi.ResourceOptions) -> None:
        super().__init__(account, part, opts)
        group = self._group(part)
        made = lb.LoadBalancer(
            self.named(),
            name=part.called,
            internal=True,
            load_balancer_type="network",
            security_groups=[group.id],
            subnets=account.subnets,
            enable_cross_zone_load_balancing=True,
            opts=self.options(),
        )
        for target in part.targets:
            self._target(part, made, target)
        self.register_outputs({"name": made.dns_name})

    def _group(self, part: Balancer) -> ec2.SecurityGroup:
        """From the network to the ports, and from there to tasks alone."""
        group = ec2.SecurityGroup(
            self.named("group"),
            vpc_id=self.account.late["vpc"],
            description="The load balancer before the gateways",
            opts=self.options(),
        )
        tasks = self.account.late["tasks"]
        for target in part.targets:
            vpc.SecurityGroupIngressRule(
                self.named(f"group-{target.name}"),
                security_group_id=group.id,
                cidr_ipv4=part.cidr,
                ip_protocol="tcp",
                from_port=target.opened,
                to_port=target.opened,
                opts=self.options(),
            )
        ports = {target.port: target.name for target in part.targets}
        # All gateways say at one port that they are well.
        for port, name in {**{target.health: "health" for target in part.targets}, **ports}.items():
            vpc.SecurityGroupEgressRule(
                self.named(f"group-to-{name}"),
                security_group_id=group.id,
                referenced_security_group_id=tasks,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                opts=self.options(),
            )
            vpc.SecurityGroupIngressRule(
                self.named(f"tasks-{name}"),
                security_group_id=tasks,
                referenced_security_group_id=group.id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                opts=self.options(),
            )
        return group

    def _target(self, part: Balancer, made: lb.LoadBalancer, target: Target) -> None:
        account = self.account
        group = lb.TargetGroup(
            self.named(f"{target.name}-targets"),
            name=target.called,
            port=target.port,
            protocol="TCP",
            target_type="ip",
            vpc_id=account.late["vpc"],
            # What a gateway that goes has taken it keeps in its queue; clients come back to another.
            connection_termination=True,
            deregistration_delay=30,
            health_check=lb.TargetGroupHealthCheckArgs(
                protocol="HTTP", port=str(target.health), path=target.path, interval=10, healthy_threshold=2
            ),
            opts=self.options(),
        )
        lb.Listener(
            self.named(target.name),
            load_balancer_arn=made.arn,
            port=target.opened,
            protocol="TLS",
            alpn_policy=target.alpn,
            certificate_arn=part.certificate,
            ssl_policy=TLS,
            default_actions=[lb.ListenerDefaultActionArgs(type="forward", target_group_arn=group.arn)],
            opts=self.options(),
        )
        account.late[f"target/{target.name}"] = group.arn
