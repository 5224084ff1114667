"""The network of tasks, and who talks to whom in it."""

import pulumi
from pulumi_aws import ec2, vpc

from aws.parts import Network
from aws.resources.component import Account, Component

HTTPS = 443


class NetworkComponent(Component):
    """A VPC with private subnets, or one that is there; endpoints of the services that tasks ask."""

    def __init__(self, account: Account, part: Network, opts: pulumi.ResourceOptions) -> None:
        super().__init__(account, part, opts)
        subnets: list[pulumi.Input[str]]
        if part.vpc:
            own: pulumi.Input[str] = part.vpc
            subnets = list(part.given)
        else:
            own, subnets = self._made(part)
        group = ec2.SecurityGroup(
            self.named("endpoints"),
            vpc_id=own,
            description="Endpoints of AWS services, for the addresses of the VPC alone",
            opts=self.options(),
        )
        vpc.SecurityGroupIngressRule(
            self.named("endpoints-https"),
            security_group_id=group.id,
            cidr_ipv4=part.cidr,
            ip_protocol="tcp",
            from_port=HTTPS,
            to_port=HTTPS,
            opts=self.options(),
        )
        for service in part.endpoints:
            ec2.VpcEndpoint(
                self.named(service),
                vpc_id=own,
                service_name=f"com.amazonaws.{part.place}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=subnets,
                security_group_ids=[group.id],
                opts=self.options(),
            )
        account.late["vpc"], account.subnets = pulumi.Output.from_input(own), subnets
        self._tasks(part, own)
        self.register_outputs({"vpc": own, "subnets": subnets})

    def _tasks(self, part: Network, own: pulumi.Input[str]) -> None:
        """Tasks reach each other; from the rest of the VPC they are reached where they take what is sent."""
        group = ec2.SecurityGroup(
            self.named("tasks"),
            vpc_id=own,
            description="Tasks of the stack",
            opts=self.options(),
        )
        self.account.late["tasks"] = group.id
        vpc.SecurityGroupIngressRule(
            self.named("tasks-each-other"),
            security_group_id=group.id,
            referenced_security_group_id=group.id,
            ip_protocol="tcp",
            from_port=0,
            to_port=65535,
            opts=self.options(),
        )
        for port in part.opened:
            vpc.SecurityGroupIngressRule(
                self.named(f"tasks-{port}"),
                security_group_id=group.id,
                cidr_ipv4=part.cidr,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                opts=self.options(),
            )
        if part.gossip:
            self._gossip(part.gossip, group)
        # What is scraped may have any port of the VPC; endpoints, and S3 behind its route, speak HTTPS.
        for name, network, first, last in (
            ("vpc", part.cidr, 0, 65535),
            ("https", "0.0.0.0/0", HTTPS, HTTPS),
        ):
            vpc.SecurityGroupEgressRule(
                self.named(f"tasks-to-{name}"),
                security_group_id=group.id,
                cidr_ipv4=network,
                ip_protocol="tcp",
                from_port=first,
                to_port=last,
                opts=self.options(),
            )

    def _gossip(self, port: int, group: ec2.SecurityGroup) -> None:
        for way, rule in (("in", vpc.SecurityGroupIngressRule), ("out", vpc.SecurityGroupEgressRule)):
            rule(
                self.named(f"gossip-{way}"),
                security_group_id=group.id,
                referenced_security_group_id=group.id,
                ip_protocol="udp",
                from_port=port,
                to_port=port,
                opts=self.options(),
            )

    def _made(self, part: Network) -> tuple[pulumi.Output[str], list[pulumi.Input[str]]]:
        """A VPC of the stack's own: without a way to the internet, and S3 by a route."""
        own = ec2.Vpc(
            self.named(),
            cidr_block=part.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            opts=self.options(),
        )
        # The one that every VPC has lets its members talk: it is emptied.
        ec2.DefaultSecurityGroup(self.named("default"), vpc_id=own.id, opts=self.options())
        routes = ec2.RouteTable(self.named("routes"), vpc_id=own.id, opts=self.options())
        subnets: list[pulumi.Input[str]] = []
        for zone, block in part.subnets:
            subnet = ec2.Subnet(
                self.named(zone),
                vpc_id=own.id,
                availability_zone=zone,
                cidr_block=block,
                map_public_ip_on_launch=False,
                opts=self.options(),
            )
            ec2.RouteTableAssociation(
                self.named(f"{zone}-routes"),
                subnet_id=subnet.id,
                route_table_id=routes.id,
                opts=self.options(),
            )
            subnets.append(subnet.id)
        ec2.VpcEndpoint(
            self.named("s3"),
            vpc_id=own.id,
            service_name=f"com.amazonaws.{part.place}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=[routes.id],
            opts=self.options(),
        )
        return own.id, subnets
