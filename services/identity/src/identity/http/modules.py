"""Doors about what an organisation has switched on."""

from typing import Annotated, Any

from fastapi import Depends
from pydantic import StrictBool

from chassis.auth import Actor
from chassis.guards import InReadTx, InTx, Requires
from chassis.http import router
from chassis.schema import In, Out
from identity.domain.modules import FEATURES, MODULES
from identity.domain.permissions import Permission
from identity.store import organisations as store
from identity.usecases.modules import switch_feature, switch_module

modules = router("modules")

MayRead = Annotated[Actor, Depends(Requires(Permission.MODULES_READ))]
MayManage = Annotated[Actor, Depends(Requires(Permission.MODULES_MANAGE))]


class SwitchIn(In):
    """On or off."""

    enabled: StrictBool


class ModuleOut(Out):
    """A module and whether the organisation has it; `isDefault` when its templates say so and not it itself."""

    code: str
    name: str
    description: str
    is_enabled: bool
    is_default: bool

    @classmethod
    def of(cls, organisation: Any, code: str) -> "ModuleOut":
        """As it is in one organisation."""
        is_enabled, is_default = code in organisation.modules, code not in organisation.own_modules
        return cls(**MODULES[code]._asdict(), is_enabled=is_enabled, is_default=is_default)


class FeatureOut(Out):
    """A feature and whether the organisation has it; `module` is what it is a part of, if of any."""

    code: str
    module: str | None
    name: str
    description: str
    is_enabled: bool
    is_default: bool

    @classmethod
    def of(cls, organisation: Any, code: str) -> "FeatureOut":
        """As it is in one organisation."""
        is_enabled, is_default = code in organisation.features, code not in organisation.own_features
        return cls(**FEATURES[code]._asdict(), is_enabled=is_enabled, is_default=is_default)


class ModulesOut(Out):
    """Everything that can be switched, and the templates that the organisation started from."""

    templates: list[str]
    modules: list[ModuleOut]
    features: list[FeatureOut]


@modules.get("/settings/modules", response_model=ModulesOut)
async def read(actor: MayRead, tx: InReadTx) -> ModulesOut:
    """What can be switched on, and what is."""
    organisation = await store.show(tx, actor.org_id)
    return ModulesOut(
        templates=organisation.templates,
        modules=[ModuleOut.of(organisation, code) for code in MODULES],
        features=[FeatureOut.of(organisation, code) for code in FEATURES],
    )


@modules.patch("/settings/modules/{code}", response_model=ModuleOut)
async def switch(code: str, body: SwitchIn, actor: MayManage, tx: InTx) -> ModuleOut:
    """Switch a module on or off; its doors, and what happens by itself in it, follow within two seconds."""
    return ModuleOut.of(await switch_module(tx, actor, code, is_enabled=body.enabled), code)


@modules.delete("/settings/modules/{code}", name="reset", status_code=204)
async def reset(code: str, actor: MayManage, tx: InTx) -> None:
    """Leave a module as the templates have it."""
    await switch_module(tx, actor, code, is_enabled=None)


@modules.patch("/settings/features/{code}", name="switchFeature", response_model=FeatureOut)
async def switch_one_feature(code: str, body: SwitchIn, actor: MayManage, tx: InTx) -> FeatureOut:
    """Switch a feature on or off."""
    return FeatureOut.of(await switch_feature(tx, actor, code, is_enabled=body.enabled), code)


@modules.delete("/settings/features/{code}", name="resetFeature", status_code=204)
async def reset_feature(code: str, actor: MayManage, tx: InTx) -> None:
    """Leave a feature as it is by default."""
    await switch_feature(tx, actor, code, is_enabled=None)
