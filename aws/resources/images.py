"""Images that are built here, and pushed to repositories of the stack's own.

Imported only where a stack asks for them: whoever names images needs no Docker, and no provider of it.
"""

from collections.abc import Mapping
from functools import partial

import pulumi
import pulumi_docker
from pulumi_aws import ecr

from aws.contexts import Context
from aws.images import Built, Images
from aws.resources.component import Account, Component
from components.images import DOCKERFILE, PLATFORM


class ImagesComponent(Component):
    """A repository of each image, and the image in it; tasks are told its digest."""

    def __init__(
        self,
        account: Account,
        part: Images,
        contexts: Mapping[str, Context],
        opts: pulumi.ResourceOptions,
    ) -> None:
        tags = {name: context.tag for name, context in contexts.items()}
        super().__init__(account, part, opts, {"tags": tags})
        for item in part.built:
            repository = self._repository(part, item)
            image = self._image(item, contexts[item.recipe.name], repository)
            told: pulumi.Output[str] = image.repo_digest.apply(partial(_of, item))
            account.late[f"image/{item.recipe.name}"] = told
        self.register_outputs({"tags": tags})

    def _repository(self, part: Images, item: Built) -> list[pulumi.Resource]:
        """It takes no tag twice, looks for what is known to be vulnerable, and gives up what is old."""
        name = item.recipe.name
        repository = ecr.Repository(
            self.named(name),
            name=item.repository,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[
                ecr.RepositoryEncryptionConfigurationArgs(
                    encryption_type="KMS", kms_key=self.account.late["key"]
                )
            ],
            force_delete=not self.account.plan.retain,  # ECR removes no repository that holds something
            opts=self.kept(),
        )
        lifecycle = ecr.LifecyclePolicy(
            self.named(f"{name}-lifecycle"),
            repository=repository.name,
            policy=part.lifecycle,
            opts=self.options(),
        )
        return [repository, lifecycle]

    def _image(
        self,
        item: Built,
        context: Context,
        after: list[pulumi.Resource],
    ) -> pulumi_docker.Image:
        """Never built by a preview. It stays in the state with its repository, or the next run would push it
        once more. Who logs in is said by Docker's configuration (`aws.login`), so that no login is in a
        state."""
        return pulumi_docker.Image(
            self.named(f"{item.recipe.name}-image"),
            image_name=f"{item.address}:{context.tag}",
            build=pulumi_docker.DockerBuildArgs(
                context=context.folder,
                dockerfile=f"{context.folder}/{DOCKERFILE}",
                platform=PLATFORM,
            ),
            build_on_preview=False,
            registry=pulumi_docker.RegistryArgs(server=item.address.partition("/")[0]),
            opts=pulumi.ResourceOptions(parent=self, depends_on=after, protect=self.account.plan.retain),
        )


def _of(item: Built, digest: str | None) -> str:
    """What Docker tells after a push; where an image is in several registries, it may tell of another."""
    if not (digest or "").startswith(f"{item.address}@sha256:"):
        raise pulumi.RunError(
            f"image {item.recipe.name}: Docker tells {digest or 'no digest'}; expected one in "
            f"{item.address}. What to do: remove what else this machine has of it (docker image ls --digests)"
        )
    return str(digest)
