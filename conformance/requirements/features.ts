// Demands of features.md and features-linux.md.
import { mute, type Requirement, shown } from '../requirement.ts'

const VERSIONS = 'both ends of the range of versions are accepted'
const SECCOMP = 'each action, operator, architecture and flag of seccomp is accepted'
const POLICY = 'each mode and flag of memory policies is known by name'

export const FEATURES_REQUIREMENTS: readonly Requirement[] = [
  mute('features.md', 'null is not the same as empty', 'a demand on readers of the document'),
  shown('features.md specification-version', 'ociVersionMin is there', VERSIONS),
  shown('features.md specification-version', 'ociVersionMin is accepted', VERSIONS),
  shown('features.md specification-version', 'ociVersionMax is there', VERSIONS),
  shown('features.md specification-version', 'ociVersionMax is accepted', VERSIONS),
  shown('features.md specification-version', 'ociVersionMax is not below ociVersionMin', VERSIONS),
  shown('features.md specification-version', 'no property is later than ociVersionMax', 'the features document'),
  shown('features.md hooks', 'each hook is supported', 'each kind of hook is accepted'),
  shown('features.md mount-options', 'each option is recognized', 'each mount option is accepted'),
  shown('features.md annotations', 'annotations are a map of texts', 'annotations are texts with names'),
  shown('features-linux.md namespaces', 'each type is recognized', 'each type of namespace is accepted'),
  shown('features-linux.md capabilities', 'each capability is recognized', 'each capability is accepted'),
  shown('features-linux.md seccomp', 'each action is recognized', SECCOMP),
  shown('features-linux.md seccomp', 'each operator is recognized', SECCOMP),
  shown('features-linux.md seccomp', 'each architecture is recognized', SECCOMP),
  shown('features-linux.md seccomp', 'each known flag is recognized', SECCOMP),
  shown('features-linux.md seccomp', 'each supported flag is supported', SECCOMP),
  shown('features-linux.md memorypolicy', 'each mode is recognized', POLICY),
  shown('features-linux.md memorypolicy', 'each flag is recognized', POLICY),
  mute(
    'features-linux.md mountextensions',
    'idmap is true where the mappings are recognized, whatever the kernel can do',
    'a demand on the document: cases of mounts try the mappings themselves',
  ),
]
